"""Packs one binary as the `bootstrap` of a Lambda function, and says when Lambda would be too old for it.

    pack.py <binary> <zip> [<program>…]

Programs that the binary starts lie beside it under their own names. The zip depends on the bytes of all alone, so the same
binaries are the same upload.
"""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

# What provided.al2023 has. A binary linked on a newer system may ask for more and would not start there.
NEWEST_GLIBC = (2, 34)


def main(binary: Path, package: Path, programs: list[Path]) -> None:
    files = {"bootstrap": binary.read_bytes()} | {program.name: program.read_bytes() for program in programs}
    for name, data in files.items():
        needs = newest_glibc(data)
        if needs > NEWEST_GLIBC:
            print(f"{name} of {package} needs glibc {needs[0]}.{needs[1]}: it runs here, not on Lambda (2.34). "
                  "`make deploy` builds one that does.", file=sys.stderr)

    digest = hashlib.sha256()
    for name, data in files.items():
        digest.update(f"{name} {len(data)}\n".encode() + data)
    stamp, digest = package.with_suffix(".sha256"), digest.hexdigest()
    if package.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    stamp.write_text(digest)
    size, needs = sum(map(len, files.values())), max(map(newest_glibc, files.values()))
    print(f"{package}: {size / 1e6:.1f} MB, {package.stat().st_size / 1e6:.1f} MB packed, "
          f"needs glibc {needs[0]}.{needs[1]}", file=sys.stderr)


def newest_glibc(data: bytes) -> tuple[int, ...]:
    return max((tuple(map(int, v)) for v in re.findall(rb"GLIBC_(\d+)\.(\d+)", data)), default=(0, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(program) for program in sys.argv[3:]])
