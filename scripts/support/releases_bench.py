"""Measures whole releases: Tagship against the Docker CLI, in turns, on one engine and one registry.

Each work is done by each tool in turns: the first push of an image, the release of a commit that changes one small
file, the same once more with nothing changed, the next on a runner that has neither images nor caches, and the push of an image that
the engine has built already; each under two tags.
Printed are medians: wall time, processor time of client and engine, requests and connections to the registry, megabytes
sent to it, the client's peak memory. Ratios are against the best of the others. `scripts/bench releases` prepares
everything and runs this.
"""

import argparse
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

ENGINES = Path(__file__).resolve().parent.parent / "engines"
RUN_FOLDER = Path("/run/tagship-engines")
WORKS = {"first": "first push", "change": "one file changed", "again": "nothing changed", "fresh": "one file, fresh runner",
         "built": "push of a built image"}
TICKS = os.sysconf("SC_CLK_TCK")


# Images.

def fill(folder, size, files):
    """Copies files of `size` bytes together, or a little less, and takes them out of the list."""
    folder.mkdir(parents=True)
    too_large = []
    while size > 4096 and files:
        file = files.pop()
        if file.stat().st_size > size:
            too_large.append(file)
            continue
        target = folder / file.relative_to(file.anchor)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        size -= file.stat().st_size
    files.extend(reversed(too_large))


def push_base(work, registry, sources):
    """Pushes a base image of 47 MB, compressed by GNU gzip and by no engine, and gives its name."""
    folder, archive, name = work / "base", work / "base.tar", f"{registry}/bench/base:1"
    files = [file for source in sources for file in Path(source).rglob("*") if file.is_file() and not file.is_symlink()]
    fill(folder, 47_000_000, sorted(files, key=lambda file: hash_of(f"base {file}")))
    subprocess.run(["tar", "--create", "--file", archive, "--directory", folder, "."], check=True)
    subprocess.run(["gzip", "-9", archive], check=True)
    for command in (["append", "--oci-empty-base", "--new_layer", f"{archive}.gz", "--new_tag", name],
                    ["mutate", "--set-platform", "linux/amd64", "--tag", name, name]):
        subprocess.run(["crane", *command, "--insecure"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder)
    Path(f"{archive}.gz").unlink()
    return name


def template(folder, image, sources, base):
    """Makes the checkout of an image: `S` 1 MB in 2 layers, `M` 142 MB in 8, `L` 668 MB in 12 and partly random, `B` a
    base of 47 MB and 95 MB in 4."""
    files = sorted(
        (file for source in sources for file in Path(source).rglob("*") if file.is_file() and not file.is_symlink()),
        key=lambda file: hash_of(str(file)),
    )
    layers, total, noise = {"S": (1, 1, 0), "M": (7, 142, 0), "L": (11, 558, 110), "B": (3, 95, 0)}[image]
    for number in range(layers):
        fill(folder / f"layer{number}", total * 1_000_000 // layers, files)
    if noise:
        (folder / "layer0" / "noise").write_bytes(random.Random(1).randbytes(noise * 1_000_000))
    (folder / "app").mkdir()
    (folder / "app" / "main").write_bytes(random.Random(2).randbytes(24_000))
    copies = [f"COPY layer{number} /opt/layer{number}" for number in range(layers)] + ["COPY app /app"]
    base = base if image == "B" else "busybox:1"
    (folder / "Dockerfile").write_text("\n".join([f"FROM {base}", *copies, 'CMD ["/bin/true"]', ""]))
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name, value in [("core.compression", "0"), ("core.trustctime", "false"), ("core.checkStat", "minimal"),
                        ("user.name", "Bench"), ("user.email", "bench@example.com"), ("gc.auto", "0")]:
        git(folder, "config", name, value)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "feat: begin")
    return layers


def hash_of(text):
    return random.Random(text).random()


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


class Checkout:
    """One tool's own copy of an image's checkout: no two tools share a layer or a part of a context."""

    def __init__(self, origin, folder, layers, name):
        subprocess.run(["cp", "--archive", str(origin), str(folder)], check=True)
        self.folder, self.layers, self.name, self.version = folder, layers, name, 0

    def next(self, all_layers):
        """Makes the next commit: one small file changed, or one in every layer."""
        self.version += 1
        places = [f"layer{number}" for number in range(self.layers)] if all_layers else []
        for place in [*places, "app"]:
            (self.folder / place / "changed").write_text(f"{self.name} {place} {self.version} {random.random()}\n")
        git(self.folder, "add", ".")
        git(self.folder, "commit", "--quiet", "--message", f"feat: change {self.version}")
        git(self.folder, "tag", f"v1.0.{self.version}")
        if all_layers:
            moved = self.folder.with_name(f"{self.name}-{self.version}")
            self.folder.rename(moved)
            self.folder = moved


# Tools.

class Tagship:
    name = "tagship"

    def __init__(self, bench, arguments):
        self.bench, self.arguments = bench, arguments

    def commands(self, checkout, repository):
        destination = ["--registry", self.bench.host, "--endpoint-url", f"http://{self.bench.host}"]
        cache = self.bench.cache(checkout, repository)
        return [["tagship", "ship", "--repository", repository, *destination, *cache, *self.arguments]]

    def build(self, checkout, repository):
        return ["tagship", "build"]

    def push(self, checkout, repository):
        """Pushes what is built: every step is cached."""
        return self.commands(checkout, repository)


class Docker:
    name = "docker"

    def commands(self, checkout, repository):
        image = f"{self.bench.host}/{repository}"
        tags = [f"{image}:1.0.{checkout.version}", f"{image}:sha-{checkout.version}"]
        named = [word for tag in tags for word in ("--tag", tag)]
        return [["docker", "build", "--quiet", *named, "."], *(["docker", "push", "--quiet", tag] for tag in tags)]

    def build(self, checkout, repository):
        return self.commands(checkout, repository)[0]

    def push(self, checkout, repository):
        return self.commands(checkout, repository)[1:]

    def __init__(self, bench):
        self.bench = bench


class Buildx(Docker):
    name = "buildx"

    def commands(self, checkout, repository):
        image = f"{self.bench.host}/{repository}"
        tags = [f"{image}:1.0.{checkout.version}", f"{image}:sha-{checkout.version}"]
        named = [word for tag in tags for word in ("--tag", tag)]
        cache = self.bench.cache(checkout, repository)
        return [["docker", "buildx", "build", "--quiet", "--push", *cache, *named, "."]]


# Measuring.

class Bench:
    def __init__(self, engine, host, registry, control, log, with_cache):
        self.engine, self.host, self.registry, self.control, self.log = engine, host, registry, control, log
        self.peak, self.with_cache = log.with_name("peak"), with_cache

    def cache(self, checkout, repository):
        """The arguments for a cache in the registry: within the release before on a classic store, which knows no other."""
        if not self.with_cache:
            return []
        if "classic" in self.engine:
            source = f"type=registry,ref={self.host}/{repository}:1.0.{checkout.version - 1}"
            return ["--cache-to", "type=inline", "--cache-from", source]
        place = f"type=registry,ref={self.host}/{repository}-cache:cache"
        return ["--cache-to", f"{place},mode=max,image-manifest=true,oci-mediatypes=true", "--cache-from", place]

    def requests(self):
        """How many requests the registry answered, by their operation."""
        with urllib.request.urlopen(f"http://{self.registry}/_local/journal") as answer:
            entries = json.load(answer)
        request = urllib.request.Request(f"http://{self.registry}/_local/journal", method="DELETE")
        urllib.request.urlopen(request).close()
        counts = {}
        for entry in entries:
            counts[entry["operation"]] = counts.get(entry["operation"], 0) + 1
        return counts

    def passed(self):
        """What passed the line to the registry since the last time."""
        host, port = self.control.split(":")
        with socket.create_connection((host, int(port))) as line:
            return json.loads(line.makefile().readline())

    def engine_time(self):
        """The processor time of the engine's processes and of their children, in seconds."""
        total = 0
        for name in (f"{self.engine}.pid", f"{self.engine}-containerd.pid"):
            pid = (RUN_FOLDER / name).read_text().strip()
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15])
        return total / TICKS

    def run(self, commands, folder):
        time.sleep(0.3)
        self.requests()
        self.passed()
        before, began = self.engine_time(), time.monotonic()
        client, peak = 0.0, 0
        for command in commands:
            # Its own parent is small: until a program begins, its memory counts as that of who starts it.
            measured = ["/usr/bin/time", "--format", "%M", "--output", str(self.peak), *command]
            with open(self.log, "ab") as log:
                process = subprocess.Popen(measured, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                _, status, usage = os.wait4(process.pid, 0)
            if status:
                sys.exit(f"error: `{' '.join(command)}` failed\n\nhint: its output is at the end of {self.log}")
            client += usage.ru_utime + usage.ru_stime
            peak = max(peak, int(self.peak.read_text()) * 1024 / 1e6)
        wall = time.monotonic() - began
        passed, counts = self.passed(), self.requests()
        return {
            "wall": wall,
            "cpu": client + self.engine_time() - before,
            "requests": sum(counts.values()),
            "connections": passed["connections"],
            "up": passed["up"] / 1e6,
            "peak": peak,
            "counts": counts,
        }


def go_version(program):
    """The version of Go that a program was built with. Source: Go's `debug/buildinfo`, the header of its data."""
    content = Path(program).read_bytes()
    at = content.find(b"\xff Go buildinf:")
    if at < 0:
        return "no Go"
    return content[at + 33:at + 33 + content[at + 32]].decode()


def print_peers(tools):
    """Prints what the peers are and what they were built with."""
    if not any(isinstance(tool, Docker) for tool in tools):
        return
    said = subprocess.run(["docker", "version", "--format",
                           "docker {{.Client.Version}} ({{.Client.GoVersion}}), engine {{.Server.Version}} ({{.Server.GoVersion}})"],
                          capture_output=True, text=True, check=True).stdout.strip()
    if any(isinstance(tool, Buildx) for tool in tools):
        plugin = Path(os.environ["DOCKER_CONFIG"]) / "cli-plugins" / "docker-buildx"
        said += f", buildx ({go_version(plugin)})"
    print(f"\n{said}")


def summary(results):
    return {key: statistics.median(result[key] for result in results) for key in results[0] if key != "counts"}


def print_table(title, works, tools, results, verbose):
    print(f"\n{title}")
    print(f"{'':34} {'wall s':>8} {'cpu s':>8} {'requests':>9} {'conns':>6} {'MB sent':>8} {'peak MB':>8}")
    for work in works:
        rows = {tool.name: summary(results[tool.name, work]) for tool in tools if results[tool.name, work]}
        for name, row in rows.items():
            print(f"{WORKS[work] + ': ' + name:34} {row['wall']:8.2f} {row['cpu']:8.2f} {row['requests']:9.0f} "
                  f"{row['connections']:6.0f} {row['up']:8.2f} {row['peak']:8.0f}")
            if verbose:
                print("   ", dict(sorted(results[name, work][-1]["counts"].items())))
        others = [row for name, row in rows.items() if name != "tagship"]
        if "tagship" in rows and others:
            ratio = {key: rows["tagship"][key] / max(min(row[key] for row in others), 1e-9) for key in ("wall", "cpu")}
            print(f"{WORKS[work] + ': ratio':34} {ratio['wall']:7.2f}x {ratio['cpu']:7.2f}x")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--host", required=True, help="the registry, as it is reached over the line")
    parser.add_argument("--registry", required=True, help="the registry itself")
    parser.add_argument("--control", required=True, help="what the line tells its counts at")
    parser.add_argument("--base-registry", required=True, help="where the base of image `B` is put")
    parser.add_argument("--work", required=True, type=Path, help="a folder in memory")
    parser.add_argument("--source", action="append", required=True, help="a folder of files that images are made of")
    parser.add_argument("--images", default="S,M")
    parser.add_argument("--works", default="first,change,again")
    parser.add_argument("--tools", default="tagship,docker,buildx")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ship", action="append", default=[], help="one more argument of `tagship ship`")
    parser.add_argument("--cache", action="store_true", help="Tagship and buildx keep a build cache in the registry")
    parser.add_argument("--verbose", action="store_true", help="also print what the registry was asked")
    options = parser.parse_args()

    bench = Bench(options.engine, options.host, options.registry, options.control, options.work / "tools.log", options.cache)
    ecr = boto3.client("ecr", endpoint_url=f"http://{options.registry}", region_name=os.environ["AWS_REGION"])
    known = {"tagship": Tagship(bench, options.ship), "docker": Docker(bench), "buildx": Buildx(bench)}
    tools = [known[name] for name in options.tools.split(",")]
    works = [work for work in WORKS if work in options.works.split(",")]
    print_peers(tools)
    base = push_base(options.work, options.base_registry, options.source)
    for image in options.images.split(","):
        origin = options.work / f"image-{image}"
        if origin.exists():
            shutil.rmtree(origin)
        origin.mkdir()
        layers = template(origin, image, options.source, base)
        results = {(tool.name, work): [] for tool in tools for work in works}
        for number in range(options.rounds):
            order = tools[number % len(tools):] + tools[:number % len(tools)]
            checkouts = {}
            for tool in order:
                name = f"{tool.name}-{image.lower()}-{number}"
                checkout = Checkout(origin, options.work / name, layers, name)
                checkouts[tool.name] = checkout
                ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
                ecr.create_repository(repositoryName=f"{name}-cache")
            for work in WORKS:
                # A build with `--push` has no push of its own.
                for tool in [tool for tool in order if work != "built" or not isinstance(tool, Buildx)]:
                    checkout = checkouts[tool.name]
                    name = f"{tool.name}-{image.lower()}-{number}"
                    # The first works leave what the later ones begin with, but for the last.
                    if work not in works and (work in ("fresh", "again", "built") or works == ["built"]):
                        continue
                    if work != "again":
                        checkout.next(all_layers=work in ("first", "built"))
                    elif isinstance(tool, Docker):
                        # A tag that stands is not put again: the registry would refuse it.
                        checkout.version += 1000
                    if work == "fresh":
                        renew_engine(options.engine)
                    commands = tool.commands(checkout, name)
                    if work == "built":
                        bench.run([tool.build(checkout, name)], checkout.folder)
                        commands = tool.push(checkout, name)
                    result = bench.run(commands, checkout.folder)
                    if work in works:
                        results[tool.name, work].append(result)
            for checkout in checkouts.values():
                shutil.rmtree(checkout.folder)
            empty_engine()
            empty_registry(ecr)
        shutil.rmtree(origin)
        print_table(f"{options.engine}, image {image}", works, tools, results, options.verbose)


def empty_engine():
    """Forgets all images but `busybox`, and what builds left."""
    listed = subprocess.run(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
                            capture_output=True, text=True, check=True).stdout.split()
    images = [name for name in listed if re.match(r"127\.0\.0\.1:", name)]
    if images:
        subprocess.run(["docker", "image", "rm", "--force", *images], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], stdout=subprocess.DEVNULL, check=True)


def renew_engine(engine):
    """Begins an engine anew, with nothing but `busybox`, and forgets what Tagship knew of its layers."""
    for command in ("stop", "start"):
        subprocess.run([ENGINES, command, engine], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)


def empty_registry(ecr):
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


if __name__ == "__main__":
    main()
