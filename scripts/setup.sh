#!/usr/bin/env bash
# Installs what gridcover needs on Debian or Ubuntu: system packages, uv, the locked environment,
# the browser assets. `setup.sh run` for the product, `setup.sh test` for its tests as well.
# Safe to run again: it does only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}
mkdir -p .setup

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

postgres_bin() {
    if [ -n "${GRIDCOVER_PG_BIN:-}" ]; then echo "$GRIDCOVER_PG_BIN"; return; fi
    local best=
    for dir in /usr/lib/postgresql/*/bin; do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] || continue
        best=$(printf '%s\n%s\n' "$best" "$dir" | sort -V | tail -n 1)
    done
    echo "$best"
}

missing=()
python=$(command -v python3 || true)
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    if [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=/usr/bin/python3
    else
        missing+=(python3)
        python=/usr/bin/python3
    fi
fi
if ! command -v uv >/dev/null && [ ! -x .tools/bin/uv ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
installed ca-certificates || missing+=(ca-certificates)
bin=$(postgres_bin)
[ -n "$bin" ] || missing+=(postgresql)
if ! ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1; then
    missing+=(postgresql-postgis)
fi
installed fonts-noto-cjk || missing+=(fonts-noto-cjk)
if [ "$purpose" = test ]; then
    [ -n "${GRIDCOVER_CHROMIUM:-}" ] || [ -x /usr/bin/chromium ] || missing+=(chromium)
    command -v g++ >/dev/null || missing+=(g++)
    [ -e /usr/include/CGAL/version.h ] || missing+=(libcgal-dev)
    command -v ogrinfo >/dev/null || missing+=(gdal-bin)
    compgen -G "/usr/lib/*/faketime/libfaketime.so.1" >/dev/null || missing+=(faketime)
fi

if [ ${#missing[@]} -gt 0 ]; then
    say "system packages missing: ${missing[*]}"
    command -v apt-get >/dev/null || fail "no apt-get here: install ${missing[*]} by your system's own means, then run this again"
    sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root once: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    # A database server of the system's own is not wanted: only its programs are.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${sudo[@]}" mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2 || say "apt-get update failed; trying with the lists at hand"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${missing[@]}" >&2 ||
        fail "could not install: ${missing[*]}. Install them by hand, then run this again"
    command -v python3 >/dev/null || fail "python3 is still missing after the installation"
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, $("$python" --version) was found; install a newer python3"
bin=$(postgres_bin)
[ -n "$bin" ] || fail "no PostgreSQL programs under /usr/lib/postgresql; install postgresql, or set GRIDCOVER_PG_BIN"

if command -v uv >/dev/null; then
    uv=uv
else
    uv=.tools/bin/uv
    if [ ! -x $uv ]; then
        say "installing uv"
        "$python" -m venv .tools || fail "could not make a virtual environment; install python3-venv"
        .tools/bin/python -m pip install -q --disable-pip-version-check uv ||
            fail "could not install uv: is the Python package index reachable?"
    fi
fi

export UV_PYTHON_DOWNLOADS=never
stamp=$(cat requirements.lock pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat .setup/python 2>/dev/null)" != "$stamp" ] || ! .venv/bin/python -c 'import geo' 2>/dev/null; then
    say "installing the locked Python environment"
    [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || $uv venv -q --clear --python "$python" .venv
    $uv pip sync -q --python .venv/bin/python --require-hashes requirements.lock ||
        fail "could not install the Python packages: is the Python package index reachable?"
    $uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
    echo "$stamp" > .setup/python
fi

# The kernels are compiled meanwhile, so that the first command does not wait for them.
.venv/bin/python -m geo.kernels >/dev/null 2>&1 &
kernels=$!

# The product needs the browser assets alone, its tests the tools that check the scripts as well.
stamp=$(cat package-lock.json geo/maps/assets.py | sha256sum | cut -d' ' -f1)
installed_assets=$(cat .setup/assets 2>/dev/null || true)
[ "$purpose" = test ] && omit=() || omit=(--omit=dev)
if [ ! -d service/static/vendor ] || { [ "$installed_assets" != "$stamp test" ] &&
    { [ "$purpose" = test ] || [ "$installed_assets" != "$stamp run" ]; }; }; then
    say "installing the browser assets"
    scripts/npm.sh ci "${omit[@]}" --ignore-scripts --silent --no-audit --no-fund >&2 ||
        fail "npm could not install the browser assets: is the npm registry reachable?"
    .venv/bin/python -m geo.maps.assets node_modules service/static/vendor
    echo "$stamp $purpose" > .setup/assets
fi

if kill -0 "$kernels" 2>/dev/null; then
    say "compiling the kernels, once on this machine"
fi
wait "$kernels" || say "the kernels could not be compiled; they will be when they are used"
