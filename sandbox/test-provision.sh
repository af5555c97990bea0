#!/usr/bin/env bash
# Runs provision.sh in a fresh Debian 12 that systemd has booted, as `vagrant up`
# does in a VM, and checks that Mesos runs, survives a reboot, and that the
# provisioning can be repeated. As root, with about 2 GB of disk and some minutes:
#
#   sandbox/test-provision.sh [ROOT]
#
# ROOT is where Debian is installed, a new folder removed at the end unless named.
# The first boot shares this machine's network to install packages, and listens
# on a loopback address that nothing else does. From the second on the container
# has a network of its own, with no way out and the VM's own address.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
loopback_ip=127.141.141.10
vm_ip=10.141.141.10
boot_seconds=60
# Where TLS is inspected, pip in the container needs this machine's certificates.
certificates=${PIP_CERT:-}
guest_certificates=/etc/ssl/sandbox-test.crt

fail() {
  echo "sandbox/test-provision.sh: $*" >&2
  exit 1
}

say() { echo "[$SECONDS s] $*"; }

install_tools() {
  [ "$(id -u)" = 0 ] || fail 'this needs root: sudo sandbox/test-provision.sh'
  command -v debootstrap >/dev/null && command -v systemd-nspawn >/dev/null && return
  command -v apt-get >/dev/null ||
    fail 'debootstrap and systemd-nspawn are missing; install them (Debian packages debootstrap, systemd-container).'
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends debootstrap systemd-container >/dev/null
}

make_root() {
  [ ! -e "$root/etc/debian_version" ] || return 0
  say "installing Debian 12 in $root"
  debootstrap --variant=minbase --include=ca-certificates,dbus,iproute2,systemd,systemd-sysv \
    bookworm "$root" >"$logs/debootstrap.log" 2>&1 || {
    tail -20 "$logs/debootstrap.log" >&2
    fail 'debootstrap failed; see above.'
  }
}

# boot NAME [NSPAWN_OPTION...]
boot() {
  local name=$1 deadline=$((SECONDS + boot_seconds)) state
  shift
  [ -z "$certificates" ] || set -- "$@" "--bind-ro=$certificates:$guest_certificates"
  systemd-nspawn --quiet --boot --directory="$root" --machine=mesos-sandbox-test \
    --register=no --keep-unit --console=pipe "--bind-ro=$project:/vagrant" "$@" \
    </dev/null >"$logs/$name.log" 2>&1 &
  nspawn=$!
  until state=$(inside systemctl is-system-running 2>/dev/null) || [ "$state" = degraded ]; do
    if [ $SECONDS -ge $deadline ] || ! kill -0 "$nspawn" 2>/dev/null; then
      tail -20 "$logs/$name.log" >&2
      fail "the container did not boot within $boot_seconds s; see above."
    fi
    sleep 0.5
  done
  say "booted, $name"
}

# systemd as it is seen from out here: the one child of systemd-nspawn.
leader() { awk '{ print $1 }' "/proc/$nspawn/task/$nspawn/children"; }

inside() {
  local pid
  pid=$(leader)
  [ -n "$pid" ] || return 1
  nsenter --all --target "$pid" --root --wd env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    ${certificates:+"PIP_CERT=$guest_certificates"} "$@"
}

shut_down() {
  [ -n "$nspawn" ] || return 0
  kill "$nspawn" 2>/dev/null || true
  wait "$nspawn" || true
  nspawn=
}

# provision NAME IP
provision() {
  local begun=$SECONDS
  inside SANDBOX_IP="$2" /vagrant/sandbox/provision.sh >"$logs/$1.log" 2>&1 || {
    tail -40 "$logs/$1.log" >&2
    fail "provision.sh failed, $1; see above."
  }
  say "provisioned, $1, in $((SECONDS - begun)) s"
}

# run_task IP COMMAND: as the services' user, under whom the agent runs its tasks.
run_task() {
  inside setpriv --reuid=mesos --regid=mesos --clear-groups \
    python3 /vagrant/sandbox/run-task "$1:5050" "$2" >"$logs/task.log" 2>&1
}

wait_for_task() {
  local ip=$1 deadline=$((SECONDS + boot_seconds))
  until run_task "$ip" true; do
    [ $SECONDS -lt $deadline ] || {
      cat "$logs/task.log" >&2
      fail "no task finished on $ip within $boot_seconds s; see above."
    }
    sleep 1
  done
  say "a task finished on $ip"
}

# The tutorial's job in the VM, by the programs that were built on this machine.
run_job() {
  inside install -d -o mesos -g mesos /results
  inside setpriv --reuid=mesos --regid=mesos --clear-groups sh -c \
    "cd /vagrant && exec target/release/scheduler --master $1:5050 --address $1 --output /results --no-progress" \
    >"$logs/job.log" 2>&1 || {
    tail -40 "$logs/job.log" >&2
    fail "the scheduler failed on $1; see above."
  }
  say "the scheduler did the tutorial's job on $1: $(grep 'images done' "$logs/job.log")"
}

# A task that waits for a file, which is there only after the agent has restarted.
check_agent_restart() {
  local ip=$1 task
  : >"$logs/task.log"
  inside rm -f /var/tmp/go
  run_task "$ip" 'until [ -e /var/tmp/go ]; do sleep 0.1; done' &
  task=$!
  until grep -q TASK_RUNNING "$logs/task.log" 2>/dev/null; do
    kill -0 "$task" 2>/dev/null || fail "the task ended before the agent's restart: $(cat "$logs/task.log")"
    sleep 0.1
  done
  inside systemctl restart mesos-agent.service
  inside touch /var/tmp/go
  wait "$task" || fail "the task was lost with the agent's restart: $(cat "$logs/task.log")"
  say 'a running task outlived a restart of the agent'
}

check_services() {
  local unit
  for unit in mesos-master.service mesos-agent.service; do
    inside systemctl --quiet is-enabled "$unit" || fail "$unit is not enabled"
    inside systemctl --quiet is-active "$unit" || fail "$unit is not active"
  done
  say "both services are enabled and active: $(service_pids)"
}

# Whether the master got the resources that the agent was configured to offer.
check_offer() {
  local configured offered
  configured=$(inside sed -n 's/^MESOS_RESOURCES=.*mem:\([0-9]*\).*/\1/p' /etc/mesos/agent)
  offered=$(inside curl --silent --fail "http://$1:5050/slaves" |
    inside python3 -c 'import json, sys; print(*(int(a["resources"]["mem"]) for a in json.load(sys.stdin)["slaves"] if a["active"]))')
  [ "$configured" = "$offered" ] ||
    fail "the agent is configured to offer $configured MiB of memory but offers '$offered'"
  say "the agent offers $offered MiB of memory, as configured"
}

service_pids() {
  inside systemctl show --property=MainPID --value mesos-master.service mesos-agent.service | xargs
}

clean_up() {
  shut_down
  [ "$keep" = yes ] || rm -rf "$root"
  rm -rf "$logs"
}

[ -x "$project/target/release/scheduler" ] ||
  fail "the programs are not built; run: cargo build --release"
install_tools
keep=no nspawn=
logs=$(mktemp -d)
if [ $# -gt 0 ]; then
  keep=yes root=$1
else
  root=$(mktemp -d /var/tmp/mesos-sandbox-test.XXXXXX)
  chmod 755 "$root"
fi
trap clean_up EXIT
make_root

boot 'on the network of this machine'
provision 'first time' "$loopback_ip"
check_services
wait_for_task "$loopback_ip"
shut_down

boot 'on a network of its own' --private-network
wait_for_task "$loopback_ip"
check_services
inside ip address add "$vm_ip/32" dev lo
provision 'at another address' "$vm_ip"
check_services
check_offer "$vm_ip"
wait_for_task "$vm_ip"
run_job "$vm_ip"
check_agent_restart "$vm_ip"
before=$(service_pids)
provision 'once more' "$vm_ip"
[ "$before" = "$(service_pids)" ] ||
  fail "provisioning again restarted a service: main processes were $before and are $(service_pids)"
check_services
say 'provision.sh works, and can be repeated'
