# Set-up steps, shared by `make demo`, `make test`, `make bench` and CI. Each step is skipped where its work is there.
# Sourced by the other scripts here; it expects to stand in the repository's root.

VAR="${PROCTOR_VAR:-$PWD/var}"
LOG="$VAR/log/setup.log"
# The engine is the machine's, not the checkout's: several checkouts may use one that one of them started.
ENGINE_PID=/run/proctor-engine.pid
ENGINE_LOCK=/run/proctor-engine.lock
mkdir -p -m 700 "$VAR"
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
    # Servers that a package brings are not started by its installation: whoever needs one here starts it.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    if [ -z "$apt_updated" ]; then
        quietly "reading the list of packages" apt-get -o Acquire::Retries=3 update -qq
        apt_updated=yes
    fi
    quietly "installing $*" apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
        install -y -qq --no-install-recommends "$@"
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
    return 1
}

# The virtual environment, from hash-pinned requirements; uv, itself pinned there, does the work where it can.
environment() {
    local python stamp
    if ! python="$(find_python)"; then
        if debian_root; then packages python3 python3-venv; fi
        python="$(find_python)" ||
            die "Python 3.11 or newer is needed. Install it and run this again: sudo apt-get install python3 python3-venv"
    fi
    stamp="$(cat requirements.txt <("$python" -c 'import sys; print(sys.version, sys.prefix)') | sha256sum | cut -c1-64)"
    # Its scripts name their interpreter by absolute path, so one that was moved is made anew.
    if [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && grep -qF "$PWD/.venv" .venv/bin/activate; then return; fi
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
# Whoever uses an engine that was started here shares a lock, so that the last one to end stops it.
engine() {
    if [ -w /run ]; then
        exec 8>>"$ENGINE_LOCK"
        flock --shared 8
    fi
    if docker_answers; then return; fi
    if ! debian_root; then
        if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
            die "Docker runs, but not for you. Run this, log in again, and go on: sudo usermod -aG docker ${USER:-$(id -un)}"
        elif command -v dockerd >/dev/null; then
            die "Docker does not answer. Start it and run this again: sudo systemctl start docker"
        fi
        die "Docker Engine is needed. Install it and run this again: sudo apt-get install docker.io && sudo usermod -aG docker ${USER:-$(id -un)}"
    fi
    if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then packages docker.io iptables; fi
    if docker_answers; then return; fi
    say "· starting Docker Engine"
    clear_stale_pid /var/run/docker.pid dockerd
    clear_stale_pid /var/run/docker/containerd/containerd.pid containerd
    setsid dockerd >>"$VAR/log/dockerd.log" 2>&1 </dev/null 8>&- &
    printf '%s' $! >"$ENGINE_PID"
    local tries
    for tries in $(seq 1 300); do
        if docker_answers; then return; fi
        if ! kill -0 "$(cat "$ENGINE_PID")" 2>/dev/null; then break; fi
        sleep 0.1
    done
    tail -n 15 "$VAR/log/dockerd.log" >&2
    die "Docker Engine did not start. Its log is $VAR/log/dockerd.log."
}

# A pid file that an ended engine left behind keeps the next one from starting if another program has that number now.
clear_stale_pid() {
    local file="$1" program="$2" pid
    [ -r "$file" ] || return 0
    pid="$(cat "$file")"
    if ! grep -qsx "$program" "/proc/$pid/comm"; then rm -f "$file"; fi
}

# End the engine that was started here, and no other, unless somebody else still uses it.
stop_engine() {
    local pid tries
    [ -r "$ENGINE_PID" ] && flock --exclusive --nonblock 8 || return 0
    pid="$(cat "$ENGINE_PID")"
    rm -f "$ENGINE_PID"
    grep -qsx dockerd "/proc/$pid/comm" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    for tries in $(seq 1 300); do
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
    # What is there is not worth a line; what is being built is.
    .venv/bin/python -m sandbox images build base model | sed -u '/  proctor\//d' >&2
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
