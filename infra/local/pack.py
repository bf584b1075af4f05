"""Packs one binary as the `bootstrap` of a Lambda function, and says when Lambda would be too old for it.

    pack.py <binary> <zip>

The zip depends on the binary's bytes alone, so the same binary is the same upload.
"""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

# What provided.al2023 has. A binary linked on a newer system may ask for more and would not start there.
NEWEST_GLIBC = (2, 34)


def main(binary: Path, package: Path) -> None:
    data = binary.read_bytes()
    needs = max((tuple(map(int, v)) for v in re.findall(rb"GLIBC_(\d+)\.(\d+)", data)), default=(0, 0))
    if needs > NEWEST_GLIBC:
        print(f"{binary} needs glibc {needs[0]}.{needs[1]}: it runs here, not on Lambda (2.34). "
              "`make deploy` builds one that does.", file=sys.stderr)

    stamp, digest = package.with_suffix(".sha256"), hashlib.sha256(data).hexdigest()
    if package.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    package.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(entry, data)
    stamp.write_text(digest)
    print(f"{package}: {len(data) / 1e6:.1f} MB, {package.stat().st_size / 1e6:.1f} MB packed, "
          f"needs glibc {needs[0]}.{needs[1]}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
