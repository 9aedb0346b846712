#!/usr/bin/env python3
"""Pairs `tagship build` with `docker buildx build` on contexts: what each client costs, and how long each takes.

  many-ignored   50,000 files, of which `.dockerignore` leaves 48,000 out: cold, and once more
  many           50,000 files that are all sent: cold, and once more
  large          one file of 300 MB that does not compress
  cached         a build whose every step is cached: what is added to the engine's own time
  memory         one file of 2 GB: the client's peak

Each pair alternates; figures are medians. The processor time is that of the client and its children alone.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid

CLIENTS = ("tagship", "buildx")


def command(client, binary, folder, tag):
    if client == "tagship":
        return [binary, "build", "--quiet", "--context", str(folder)]
    return ["docker", "buildx", "build", "--quiet", "--output", "type=cacheonly", str(folder)]


def run(words, folder):
    """Returns wall and processor time in seconds."""
    begun = time.monotonic()
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{words}: {errors.decode(errors='replace')}")
    return wall, used.ru_utime + used.ru_stime


def peak_of(words, folder):
    """Returns the peak of memory in bytes, which a child of this program would begin with its own."""
    measured = ["/usr/bin/time", "--format", "%M", *words]
    errors = subprocess.run(measured, cwd=folder, check=True, capture_output=True, text=True).stderr
    return int(errors.split()[-1]) * 1024


def git(folder, *words):
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "gc.auto=0"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def context(root, name, dockerfile, fill):
    """Makes a checkout: its commit has what `fill` makes."""
    folder = root / name
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    fill(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def many(ignored):
    def fill(folder):
        for index in range(50_000):
            top = "node_modules" if index < ignored else "src"
            path = folder / top / f"d{index // 500}"
            if index % 500 == 0:
                path.mkdir(parents=True, exist_ok=True)
            (path / f"f{index}").write_text(f"{index}\n")
        if ignored:
            for name in (".dockerignore", ".gitignore"):
                (folder / name).write_text("node_modules\n")

    return fill


def large(megabytes):
    def fill(folder):
        with open(folder / "large", "wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1_000_000))

    return fill


def renewed(folder):
    """A context that the engine has not seen: another folder of other times."""
    other = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}")
    os.rename(folder, other)
    os.utime(other / "Dockerfile")
    for path in other.rglob("*"):
        if ".git" not in path.parts:
            os.utime(path, follow_symlinks=False)
    git(other, "update-index", "--refresh", "-q")
    return other


def show(name, ours, theirs, target):
    ratio = ours / theirs if theirs else 0
    print(f"{name:<34} {ours * 1000:>8.0f} ms / {theirs * 1000:>8.0f} ms = {ratio:>5.2f}   {target}", flush=True)


def pairs(binary, folder, rounds, cold):
    """Returns the medians by client: wall and processor time."""
    taken = {client: [] for client in CLIENTS}
    for turn in range(rounds):
        order = CLIENTS if turn % 2 == 0 else CLIENTS[::-1]
        for client in order:
            if cold:
                folder = renewed(folder)
            taken[client].append(run(command(client, binary, folder, None), folder))
    medians = {
        client: [statistics.median(one[index] for one in all_of) for index in (0, 1)]
        for client, all_of in taken.items()
    }
    return folder, medians


def stages(binary, folder):
    """Returns how many milliseconds each stage of a build took."""
    words = [binary, "build", "--json", "--context", str(folder)]
    report = subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return {stage["stage"]: stage["milliseconds"] for stage in json.loads(report.stdout)["stages"]}


def forget(folder):
    """Removes a context, and what the engine keeps of it: engines of tests hold their data in memory."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], stdout=subprocess.DEVNULL, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--works", default="many-ignored,many,large,cached,memory")
    arguments = parser.parse_args()
    works = arguments.works.split(",")
    binary, rounds = os.path.abspath(arguments.binary), arguments.rounds
    root = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    copy_all = "FROM scratch\nCOPY . /\n"
    try:
        for name, ignored in (("many-ignored", 48_000), ("many", 0)):
            if name not in works:
                continue
            folder = context(root, name, copy_all, many(ignored))
            folder, cold = pairs(binary, folder, rounds, True)
            run(command("tagship", binary, folder, None), folder)
            run(command("buildx", binary, folder, None), folder)
            folder, again = pairs(binary, folder, rounds, False)
            for when, medians in (("cold", cold), ("again", again)):
                ours, theirs = medians["tagship"], medians["buildx"]
                wall = "≤ 0.5" if name == "many" and when == "again" else ""
                cpu = "≤ 0.5" if name == "many-ignored" else ""
                show(f"{name}, {when}: time", ours[0], theirs[0], wall)
                show(f"{name}, {when}: client's processor", ours[1], theirs[1], cpu)
            reads = [stages(binary, folder)["read"] for _ in range(rounds)]
            print(f"{name + ': is anything changed':<34} {statistics.median(reads):>8.0f} ms   ≤ 50 ms", flush=True)
            forget(folder)
        if "large" in works:
            folder = context(root, "large", copy_all, large(300))
            folder, cold = pairs(binary, folder, rounds, True)
            show("300 MB: time", cold["tagship"][0], cold["buildx"][0], "≤ 1.11, which is 0.9 × the rate")
            show("300 MB: client's processor", cold["tagship"][1], cold["buildx"][1], "")
            forget(folder)
        if "cached" in works:
            folder = context(root, "cached", "FROM scratch\nCOPY file /\n", lambda f: (f / "file").write_text("x"))
            run(command("tagship", binary, folder, None), folder)
            folder, again = pairs(binary, folder, rounds, False)
            show("all cached: time", again["tagship"][0], again["buildx"][0], "tagship ≤ 150 ms over Solve")
            print(f"{'all cached: stages, in ms':<34} {stages(binary, folder)}", flush=True)
            forget(folder)
        if "memory" in works:
            folder = context(root, "memory", copy_all, large(1))
            # The commit need not hold it: git ignores it, and the build sends it.
            (folder / ".git/info/exclude").write_text("huge\n")
            with open(folder / "huge", "wb") as file:
                file.truncate(2_000_000_000)
            peak = peak_of(command("tagship", binary, folder, None), folder)
            print(f"{'memory: 2 GB context':<34} {peak / 1e6:>8.0f} MB   ≤ 64 MB", flush=True)
    finally:
        forget(root)


if __name__ == "__main__":
    main()
