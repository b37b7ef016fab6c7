# Set-up steps, shared by `make demo`, `make test`, `make bench` and CI. Each step is skipped where its work is there.
# Sourced by the other scripts here; it expects to stand in the repository's root.

VAR="${PROCTOR_VAR:-$PWD/var}"
LOG="$VAR/log/setup.log"
mkdir -p "$VAR/log" "$VAR/run"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Run a step with its output in the log; show the log's end where it fails.
quietly() {
    local what="$1" begun=$SECONDS
    shift
    say "· $what"
    if ! "$@" >>"$LOG" 2>&1; then
        tail -n 20 "$LOG" >&2
        die "This step failed: $what. The whole log is $LOG."
    fi
    say "  done in $((SECONDS - begun)) s"
}

debian_root() {
    [ "$(id -u)" = 0 ] && [ -r /etc/os-release ] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release &&
        command -v apt-get >/dev/null
}

apt_updated=""
# Install Debian packages, or say in one sentence what to install.
packages() {
    debian_root || die "Please install these packages and run this again: sudo apt-get install $*"
    export DEBIAN_FRONTEND=noninteractive
    if [ -z "$apt_updated" ]; then
        quietly "reading the list of packages" apt-get update -qq
        apt_updated=yes
    fi
    quietly "installing $*" apt-get install -y -qq --no-install-recommends "$@"
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed: sudo apt-get install python3 python3-venv"
}

# The virtual environment, from hash-pinned requirements; uv, itself pinned there, does the work where it can.
environment() {
    local python stamp
    python="$(find_python)"
    stamp="$(cat requirements.txt <("$python" -c 'import sys; print(sys.version, sys.prefix)') | sha256sum | cut -c1-64)"
    if [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ]; then return; fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then packages python3-venv; fi
    quietly "making the virtual environment" "$python" -m venv --clear .venv
    quietly "installing the Python packages" install_requirements
    printf '%s' "$stamp" >.venv/.stamp
}

install_requirements() {
    local pin="$VAR/run/uv.txt"
    sed -n '/^uv==/,/^    # via/p' requirements.txt | grep -v '# via' | sed '$ s/ \\$//' >"$pin"
    if .venv/bin/python -m pip install -q --require-hashes -r "$pin" &&
        UV_PYTHON_DOWNLOADS=never .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.txt; then
        return
    fi
    .venv/bin/python -m pip install -q --require-hashes -r requirements.txt
}

docker_answers() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# A Docker Engine that answers: used where there is one, started where it is only installed, installed where it is not.
# The pid of an engine that was started here is left in $VAR/run/dockerd.pid.
engine() {
    if docker_answers; then return; fi
    if ! debian_root; then
        if command -v dockerd >/dev/null; then
            die "Docker does not answer. Start it and run this again: sudo systemctl start docker"
        fi
        die "Docker Engine is needed. Install it and run this again: sudo apt-get install docker.io && sudo usermod -aG docker $USER"
    fi
    if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then packages docker.io iptables; fi
    if docker_answers; then return; fi
    say "· starting Docker Engine"
    clear_stale_pid
    setsid dockerd >>"$VAR/log/dockerd.log" 2>&1 </dev/null &
    printf '%s' $! >"$VAR/run/dockerd.pid"
    local tries
    for tries in $(seq 1 300); do
        if docker_answers; then return; fi
        if ! kill -0 "$(cat "$VAR/run/dockerd.pid")" 2>/dev/null; then break; fi
        sleep 0.1
    done
    tail -n 15 "$VAR/log/dockerd.log" >&2
    die "Docker Engine did not start. Its log is $VAR/log/dockerd.log."
}

# A pid file that an ended engine left behind keeps the next one from starting if another program has that number now.
clear_stale_pid() {
    local file=/var/run/docker.pid pid
    [ -r "$file" ] || return 0
    pid="$(cat "$file")"
    if ! grep -qs dockerd "/proc/$pid/comm"; then rm -f "$file"; fi
}

# End the engine that was started here, and no other.
stop_engine() {
    local file="$VAR/run/dockerd.pid" pid tries
    [ -r "$file" ] || return 0
    pid="$(cat "$file")"
    rm -f "$file"
    grep -qs dockerd "/proc/$pid/comm" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    for tries in $(seq 1 200); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

images() {
    local begun=$SECONDS
    # Where no image registry can be reached, the base is made from Debian's packages.
    if ! docker image inspect proctor/debian:bookworm >/dev/null 2>&1 && ! command -v mmdebstrap >/dev/null; then
        if debian_root; then packages mmdebstrap; fi
    fi
    .venv/bin/python -m sandbox images build base model
    if [ $((SECONDS - begun)) -gt 5 ]; then say "  sandbox images are ready ($((SECONDS - begun)) s)"; fi
}

chromium_there() {
    if command -v chromium >/dev/null; then return; fi
    packages chromium fonts-dejavu-core
}

postgres_there() {
    if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then return; fi
    packages postgresql
}
