"""Uploads one folder to the test double twice, with huggingface_hub and with lora4j, and compares.

The double speaks the hub's wire protocol; this checks it against the real client, and our client
against both. See README.md beside this file.
"""

import hashlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile

TOKEN, USER = "hf_checkUploadToken", "me"
ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "lora-core" / "target"
CARD = "hub POST /api/validate-yaml"
PEER = "io.github.lora4j.hub.testing.UploadPeer"


class Peer:
    """The double in a Java process."""

    def __init__(self, classpath, part_size):
        command = ["java", "-cp", classpath, PEER, "serve", str(part_size), TOKEN, USER]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = self.process.stdout.readline().strip()

    def requests(self):
        """Requests since the last call: 'hub POST /path'."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().strip()) != "end":
            assert not line.startswith("failure"), line
            lines.append(line.removeprefix("request "))
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def folder(path):
    rng = random.Random(7)
    files = {
        "README.md": "---\nlibrary_name: peft\n---\n# ö\n".encode(),
        "adapter_config.json": b'{"r": 8}\n',
        "adapter_model.safetensors": rng.randbytes(300_000),
        "sub/more.bin": rng.randbytes(70_000),
        "sub/a name with ü.txt": "text\r\n".encode(),
        "empty.txt": b"",
        "empty.safetensors": b"",
    }
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def content(api, repo, revision):
    """What a repository holds: name to size, kind of storage and hash of what is downloaded."""
    from huggingface_hub import hf_hub_download

    found = {}
    for info in api.list_repo_tree(repo, recursive=True, revision=revision):
        if not hasattr(info, "blob_id"):
            continue  # a folder
        with tempfile.TemporaryDirectory() as cache:
            file = hf_hub_download(
                repo, info.path, revision=revision, cache_dir=cache, endpoint=api.endpoint, token=TOKEN
            )
            digest = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
        found[info.path] = (info.size, info.lfs.sha256 if info.lfs else "git", digest)
    return found


failed = False


def same(what, one, other):
    global failed
    failed |= one != other
    print(("same" if one == other else "DIFFERENT"), what)
    if one != other:
        print("  python:", one, "\n  lora4j:", other)


def shape(requests, repo):
    """Requests that change something, without names and hashes that differ by design."""
    import re

    kept = []
    for request in requests:
        host, method, path = request.split(" ", 2)
        if method in ("POST", "PUT"):
            kept.append(f"{host} {method} " + re.sub(r"localhost:\d+", "", path).replace(repo, "R"))
    # the hub's tool checks a card twice, once with the folder and once with the commit
    return sorted(kept if kept.count(CARD) < 2 else kept[: kept.index(CARD)] + kept[kept.index(CARD) + 1 :])


def main(dependencies, part_size):
    from huggingface_hub import HfApi

    classpath = f"{CORE / 'classes'}:{CORE / 'test-classes'}:{dependencies}"
    peer = Peer(classpath, part_size)
    os.environ["HF_ENDPOINT"] = peer.endpoint
    api = HfApi(endpoint=peer.endpoint, token=TOKEN)
    name = f"parts of {part_size}: "

    def java(path, repo, revision="main", mode="commit"):
        command = ["java", "-cp", classpath, PEER, "push", peer.endpoint, TOKEN]
        command += [str(path), repo, revision, mode]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        # two folders of one content, so that neither profits from what the other left in the store
        for place in (one, two):
            folder(pathlib.Path(place))
        api.create_repo("me/by-python", private=True)
        commit = api.upload_folder(
            repo_id="me/by-python", folder_path=one, commit_message="Upload a folder"
        )
        python_requests = shape(peer.requests(), "me/by-python")
        peer.close()

        peer = Peer(classpath, part_size)
        os.environ["HF_ENDPOINT"] = peer.endpoint
        fresh = HfApi(endpoint=peer.endpoint, token=TOKEN)
        printed = java(two, "by-java")
        java_requests = shape(peer.requests(), "me/by-java")
        strip = [r.split("/put/")[0] if "/put/" in r else r.split("?oid")[0] for r in python_requests]
        other = [r.split("/put/")[0] if "/put/" in r else r.split("?oid")[0] for r in java_requests]
        same(name + "requests that write", sorted(strip), sorted(other))
        same(name + "owner found by whoami", "me/by-java", printed[0])
        same(name + "address", f"{peer.endpoint}/me/by-java/commit/{printed[1]}", printed[2])

        # the same upload of Python again, beside ours in one store
        fresh.create_repo("me/by-python", private=True)
        commit = fresh.upload_folder(
            repo_id="me/by-python", folder_path=one, commit_message="Upload a folder"
        )
        same(
            name + "content",
            content(fresh, "me/by-python", "main"),
            content(fresh, "me/by-java", "main"),
        )
        local = {
            path.relative_to(one).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in pathlib.Path(one).rglob("*")
            if path.is_file()
        }
        pushed = {path: found[2] for path, found in content(fresh, "me/by-java", "main").items()}
        pushed.pop(".gitattributes", None)  # the hub makes it
        same(name + "content is that of the folder", local, pushed)
        infos = [fresh.model_info(repo) for repo in ("me/by-python", "me/by-java")]
        same(name + "visibility", infos[0].private, infos[1].private)
        same(name + "head", (infos[0].sha, infos[1].sha), (commit.oid, printed[1]))

        again = fresh.upload_folder(repo_id="me/by-python", folder_path=one)
        repeated = java(two, "by-java")
        same(name + "nothing new is no commit", again.oid == commit.oid, repeated[4] == "false")

        pathlib.Path(one, "adapter_config.json").write_text("{}")
        pathlib.Path(two, "adapter_config.json").write_text("{}")
        request = fresh.upload_folder(repo_id="me/by-python", folder_path=one, create_pr=True)
        opened = java(two, "by-java", mode="pr")
        same(
            name + "pull request",
            request.pr_url.replace("by-python", "by-java"),
            opened[3],
        )
        same(
            name + "content of the pull request",
            content(fresh, "me/by-python", "refs/pr/1"),
            content(fresh, "me/by-java", "refs/pr/1"),
        )

        fresh.create_branch("me/by-python", branch="feature/x")
        fresh.upload_folder(repo_id="me/by-python", folder_path=one, revision="feature/x")
        java(two, "by-java", revision="feature/x")
        same(
            name + "content of a branch",
            content(fresh, "me/by-python", "feature/x"),
            content(fresh, "me/by-java", "feature/x"),
        )
    peer.close()


if __name__ == "__main__":
    os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_TOKEN=TOKEN)
    with tempfile.TemporaryDirectory() as home:
        os.environ["HF_HOME"] = home
        classpath = pathlib.Path(sys.argv[1]).read_text().strip()
        for size in (2**62, 100_000):
            main(classpath, size)
    sys.exit(1 if failed else 0)
