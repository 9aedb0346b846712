"""Measures what a further tag costs: Tagship against `crane tag`, in turns, over a line to the embedded ECR.

Tagship puts one tag and then eleven in one run each; a tenth of the difference is the price of a further one. crane has one run for
each tag. Printed are medians of wall time and requests. `scripts/bench tags` prepares everything and runs this.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

FURTHER = 10


class Bench:
    def __init__(self, options):
        self.options = options
        self.log = options.work / "tags.log"

    def requests(self):
        """How many requests the registry answered since the last time, without logins."""
        journal = f"http://{self.options.registry}/_local/journal"
        with urllib.request.urlopen(journal) as answer:
            entries = json.load(answer)
        urllib.request.urlopen(urllib.request.Request(journal, method="DELETE")).close()
        return sum(entry["operation"] != "GetAuthorizationToken" for entry in entries)

    def run(self, *command):
        self.requests()
        began = time.monotonic()
        with open(self.log, "ab") as log:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        wall = time.monotonic() - began
        if status:
            sys.exit(f"error: `{' '.join(command)}` failed\n\nhint: its output:\n{self.log.read_text()[-2000:]}")
        return wall, self.requests()

    def promote(self, tags):
        host = self.options.host
        to = [word for tag in tags for word in ("--to", tag)]
        return self.run("tagship", "promote", "bench", "--from", "1.0.0", *to, "--registry", host, "--endpoint-url",
                        f"http://{host}", "--quiet")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True, help="the registry, as it is reached over the line")
    parser.add_argument("--registry", required=True, help="the registry itself")
    parser.add_argument("--work", required=True, type=Path, help="a folder in memory")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    bench = Bench(options)
    ecr = boto3.client("ecr", endpoint_url=f"http://{options.registry}", region_name=os.environ["AWS_REGION"])
    ecr.create_repository(repositoryName="bench", imageTagMutability="IMMUTABLE")
    layer = options.work / "layer.tar"
    subprocess.run(["tar", "--create", "--file", layer, "--files-from", "/dev/null"], check=True)
    name = f"{options.host}/bench"
    subprocess.run(["crane", "append", "--insecure", "--oci-empty-base", "--new_layer", layer, "--new_tag", f"{name}:1.0.0"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    further, crane = [], []
    for number in range(options.rounds):
        one = bench.promote([f"2.{number}.0"])
        many = bench.promote([f"3.{number}.{tag}" for tag in range(FURTHER + 1)])
        further.append([(after - before) / FURTHER for before, after in zip(one, many)])
        crane += [bench.run("crane", "tag", "--insecure", f"{name}:1.0.0", f"crane-{number}-{tag}") for tag in range(3)]
    ours, theirs = ([statistics.median(row[column] for row in rows) for column in (0, 1)] for rows in (further, crane))
    print(f"{'':22} {'wall ms':>8} {'requests':>9}")
    print(f"{'tagship, further tag':22} {ours[0] * 1000:8.1f} {ours[1]:9.1f}")
    print(f"{'crane tag':22} {theirs[0] * 1000:8.1f} {theirs[1]:9.1f}")
    print(f"ratio, wall {ours[0] / theirs[0]:.2f}   ≤ 0.25, and 1 request")


if __name__ == "__main__":
    main()
