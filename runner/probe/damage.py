"""Damage a file that was written whole, the same way every time.

A specification is `kind:key=value,key=value`: `random_bytes` with `offset` or `where`
(`header`, `config`, `weight`), `count` and `seed`; `truncate` with `keep` (a share) or
`keep_bytes`; `empty`. `interrupted` is no damage of a whole file: see `save_interrupted`.
"""

import os
import signal
import time
import zipfile

import numpy as np

INTERRUPTED = "interrupted"


def damage_file(path, specification, weights):
    """Damage the file at `path` in place; return a sentence saying what was done.

    `weights` are the model's arrays, used to find a weight's bytes in the file.
    """
    kind, options = _parse(specification)
    size = os.path.getsize(path)
    if kind == "empty":
        os.truncate(path, 0)
        return "emptied ({} bytes before)".format(size)
    if kind == "truncate":
        keep = int(options.get("keep_bytes", int(size * float(options.get("keep", 0.5)))))
        os.truncate(path, min(keep, size))
        return "cut to {} of {} bytes".format(min(keep, size), size)
    if kind == "random_bytes":
        return _overwrite(path, options, weights)
    raise ValueError("unknown damage {!r}".format(specification))


def _parse(specification):
    kind, _, rest = specification.partition(":")
    pairs = [item.split("=", 1) for item in rest.split(",") if item]
    return kind, {key.strip(): value.strip() for key, value in pairs}


def _overwrite(path, options, weights):
    count = int(options.get("count", 100))
    noise = np.random.RandomState(int(options.get("seed", 1))).bytes(count)
    with open(path, "r+b") as file:
        content = file.read()
        start, end = _region(path, content, options, weights)
        written = noise[: max(0, min(count, end - start))]
        file.seek(start)
        file.write(written)
    return "{} random bytes at offset {} of {}".format(len(written), start, len(content))


def _region(path, content, options, weights):
    """Return (start, end) of the bytes that may be overwritten."""
    where = options.get("where")
    if where is None:
        return int(options["offset"]), len(content)
    if where == "header":
        return 0, len(content)
    if zipfile.is_zipfile(path):
        suffix = "config.json" if where == "config" else ".weights.h5"
        return _member(path, suffix, content, weights if where == "weight" else None)
    if where == "config":
        at = content.find(b'"class_name"')
        if at < 0:
            raise ValueError("no configuration found in the file")
        return at, len(content)
    return _weight(content, 0, len(content), weights)


def _member(path, suffix, content, weights):
    with zipfile.ZipFile(path) as archive:
        infos = [i for i in archive.infolist() if i.filename.endswith(suffix)]
        if not infos:
            raise ValueError("no member {} in the archive".format(suffix))
        info = next((i for i in infos if i.filename == suffix), infos[0])
    # The local header's own lengths: the directory's extra field may differ.
    name_length = int.from_bytes(
        content[info.header_offset + 26 : info.header_offset + 28], "little"
    )
    extra = int.from_bytes(content[info.header_offset + 28 : info.header_offset + 30], "little")
    start = info.header_offset + 30 + name_length + extra
    end = start + info.compress_size
    if weights is None:
        return start + (end - start) // 3, end
    if info.compress_type != zipfile.ZIP_STORED:
        return start + (end - start) // 2, end
    return _weight(content, start, end, weights)


def _weight(content, start, end, weights):
    """Return the bytes of the first element run of the largest weight found in the file."""
    for weight in sorted(weights, key=lambda array: -array.size):
        raw = np.ascontiguousarray(weight).tobytes()
        at = content.find(raw, start, end)
        if at >= 0:
            return at, at + len(raw)
    raise ValueError("no weight found in the file")


def save_interrupted(save, seconds=20.0):
    """Run `save` in a forked process that is killed in the middle of writing.

    The process kills itself at the third array it writes: the moment a user's kernel,
    battery or scheduler picks is arbitrary too, but ours must be the same every time.
    """
    child = os.fork()
    if child == 0:
        _kill_at_third_dataset()
        try:
            save()
        finally:
            os._exit(0)
    deadline = time.time() + seconds
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.time() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.02)


def _kill_at_third_dataset():
    import h5py

    written = []
    original = h5py.Group.create_dataset

    def create_dataset(self, *arguments, **options):
        written.append(None)
        if len(written) == 3:
            self.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *arguments, **options)

    h5py.Group.create_dataset = create_dataset
