"""Compares the hub cache of lora4j with that of huggingface_hub, both filled from one double.

See README.md beside this file. Exits with 1 at the first difference that matters.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = "io.github.lora4j.hub.testing.HubDoubleMain"
CLIENT = "io.github.lora4j.hub.HubProcess"


class Double:
    """The double of the hub, in a process of its own."""

    def __init__(self, class_path: str):
        self.process = subprocess.Popen(
            ["java", "-cp", class_path, DOUBLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = self.process.stdout.readline().strip()

    def requests(self) -> list[str]:
        """The requests since this was last asked."""
        self.process.stdin.write("requests\n")
        self.process.stdin.flush()
        lines = []
        while line := self.process.stdout.readline().strip():
            lines.append(line)
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Java:
    """lora4j's client, one process for each call."""

    def __init__(self, class_path: str, endpoint: str):
        self.class_path, self.endpoint = class_path, endpoint

    def run(self, cache: Path, *arguments: str, offline: bool = False) -> str:
        endpoint = "offline" if offline else self.endpoint
        done = subprocess.run(
            ["java", "-cp", self.class_path, CLIENT, endpoint, str(cache), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            return next((line for line in done.stderr.splitlines() if line.startswith("Exception")), done.stderr)
        return done.stdout.strip()


def tree(cache: Path) -> dict[str, tuple]:
    """All that is in a cache but lock files, which are there only while somebody loads, by path."""
    found = {}
    for path in sorted(cache.rglob("*")):
        name = path.relative_to(cache).as_posix()
        if name.startswith(".locks"):
            continue
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("directory",)
        elif name == "CACHEDIR.TAG":
            found[name] = ("file", path.read_bytes().split(b"\n")[0])  # the rest is a comment
        else:
            found[name] = ("file", path.read_bytes())
    return found


def check(what: str, right: bool, detail: object = ""):
    print(f"{'same' if right else 'DIFFERENT'}: {what}")
    if not right:
        sys.exit(f"{what}: {detail}")


def compare(what: str, python: Path, java: Path):
    one, other = tree(python), tree(java)
    differences = [
        f"{name}: Python {one.get(name)!r:.200}, Java {other.get(name)!r:.200}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]
    links = sum(entry[0] == "link" for entry in one.values())
    check(f"{what}: {len(one)} entries, {links} links", not differences, "\n".join(differences))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--class-path", required=True, help="lora-core with its tests and what they need")
    arguments = parser.parse_args()
    double = Double(arguments.class_path)
    java = Java(arguments.class_path, double.endpoint)

    # Read when the module is imported, so set before.
    os.environ.update(
        HF_ENDPOINT=double.endpoint,
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_IMPLICIT_TOKEN="1",
        HF_HUB_DISABLE_XET="1",  # the double names Xet hashes, and has no such store
    )
    import huggingface_hub
    from huggingface_hub import errors, hf_hub_download, snapshot_download

    print("huggingface_hub", huggingface_hub.__version__)

    def python(cache: Path, kind: str, repository: str, revision: str = "main", file: str = "", **more):
        dataset = repository.startswith("datasets/")
        more.update(
            repo_id=repository.removeprefix("datasets/"),
            repo_type="dataset" if dataset else "model",
            revision=revision,
            cache_dir=cache,
        )
        return snapshot_download(**more) if kind == "snapshot" else hf_hub_download(filename=file, **more)

    cases = [
        ("snapshot", "me/tiny"),
        ("snapshot", "me/tiny", "v1.0"),
        ("snapshot", "me/tiny", "refs/pr/1"),
        ("snapshot", "datasets/me/questions"),
        ("download", "me/tiny", "main", "config.json"),
        ("download", "me/tiny", "main", "deep/er/config.json"),
        ("download", "me/tiny", "v1.0", "with space/ünïcode file.json"),
        ("download", "me/tiny", "v1.0", "empty.txt"),
        ("download", "me/tiny", "main", "model.safetensors"),
        ("download", "datasets/me/questions", "main", "data/dev.csv"),
    ]
    with tempfile.TemporaryDirectory() as directory:
        for number, case in enumerate(cases):
            caches = [Path(directory, str(number), who) for who in ("python", "java")]
            mine = Path(python(caches[0], *case)).relative_to(caches[0])
            theirs = Path(java.run(caches[1], *case))
            check(f"{' '.join(case)}: {mine}", theirs == caches[1] / mine, theirs)
            compare(" ".join(case), *caches)

        # A commit by its own name needs no reference; the beginning of one is a reference like a branch.
        dataset = mine.parts[2]
        tiny = Path(python(Path(directory, "head"), "snapshot", "me/tiny")).name
        for what in [
            ("snapshot", "me/tiny", tiny),
            ("snapshot", "me/tiny", tiny[:7]),
            ("download", "me/tiny", tiny, "config.json"),
            ("download", "datasets/me/questions", dataset[:8], "data/dev.csv"),
        ]:
            caches = [Path(directory, "commit " + " ".join(what).replace("/", " "), who) for who in ("python", "java")]
            python(caches[0], *what)
            java.run(caches[1], *what)
            compare(" ".join(what), *caches)

        # Both fill one cache, in either order: the second adds what the first has not, and nothing else.
        caches = [Path(directory, "both", who) for who in ("python first", "java first")]
        python(caches[0], "snapshot", "me/tiny", "v1.0")
        java.run(caches[0], "snapshot", "me/tiny", "main")
        java.run(caches[1], "snapshot", "me/tiny", "v1.0")
        python(caches[1], "snapshot", "me/tiny", "main")
        compare("two commits in one cache, one by each client", *caches)

        # A part that Python's client left behind is gone on with.
        caches = [Path(directory, "part", who) for who in ("python", "java")]
        whole = Path(python(caches[0], "download", "me/tiny", "main", "model.safetensors")).resolve()
        part = caches[1] / "models--me--tiny" / "blobs" / (whole.name + ".incomplete")
        part.parent.mkdir(parents=True)
        part.write_bytes(whole.read_bytes()[:1_000_000])
        java.run(caches[1], "download", "me/tiny", "main", "model.safetensors")
        part.unlink(missing_ok=True)  # Python may still have been writing, so it is left
        compare("after a part that Python left", *caches)

        # A file that is not there leaves a mark that it is not.
        caches = [Path(directory, "missing", who) for who in ("python", "java")]
        try:
            python(caches[0], "download", "me/tiny", "main", "nothing.json")
            check("a missing file is an exception", False)
        except errors.EntryNotFoundError:
            message = java.run(caches[1], "download", "me/tiny", "main", "nothing.json")
            check("a missing file is an exception", "has no file 'nothing.json'" in message, message)
        compare("a missing file", *caches)

        for repository, revision, error, words in [
            ("me/none", "main", errors.RepositoryNotFoundError, "is not at"),
            ("me/private", "main", errors.RepositoryNotFoundError, "is not at"),
            ("me/gated", "main", errors.GatedRepoError, "is gated"),
            ("me/tiny", "v9", errors.RevisionNotFoundError, "has no branch"),
        ]:
            try:
                python(caches[0], "download", repository, revision, "config.json")
                check(f"{repository} {revision} is an exception", False)
            except error as e:
                message = java.run(caches[1], "download", repository, revision, "config.json")
                check(f"{type(e).__name__}: {message}", words in message, message)

        # Each uses what the other cached: one question where the branch is, and no bytes.
        asked = ["hub GET /api/models/me/tiny/revision/main"]
        for what, fill, use in [
            ("Java uses what Python cached", python, java.run),
            ("Python uses what Java cached", java.run, python),
        ]:
            cache = Path(directory, what)
            fill(cache, "snapshot", "me/tiny")
            double.requests()
            use(cache, "snapshot", "me/tiny")
            requests = double.requests()
            check(f"{what}: {requests}", requests == asked, requests)
            before = tree(cache)
            use(cache, "download", "me/tiny", "main", "model.safetensors")
            requests = double.requests()
            check(f"{what}, one file: {requests}", all("storage" not in r and " HEAD " in r for r in requests), requests)
            check(f"{what}: the cache is as it was", tree(cache) == before)
        cache = Path(directory, "Java uses what Python cached")
        path = java.run(cache, "model", "me/tiny", offline=True)
        check(f"Java offline: {path}", Path(path).is_dir(), path)
        cache = Path(directory, "Python uses what Java cached")
        path = python(cache, "snapshot", "me/tiny", local_files_only=True)
        check(f"Python offline: {path}", Path(path).is_dir())
        check("nothing was asked offline", double.requests() == [])
    double.close()


if __name__ == "__main__":
    main()
