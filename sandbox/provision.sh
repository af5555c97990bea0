#!/usr/bin/env bash
# Makes a Debian 12 machine a Mesos master and agent, as systemd services.
#
# `vagrant up` and `vagrant provision` run this in the VM, as root. It can be
# repeated: what is as it should be is left alone, a running service included.
#
#   SANDBOX_IP          where both listen, 10.141.141.10 unless set
#   SANDBOX_RESOURCES   what the agent offers; unless set, all processors and half the memory
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=/opt/mesos-1.11.0
ip=${SANDBOX_IP:-10.141.141.10}
master_port=5050
agent_port=5051
wait_seconds=90
build_packages=(build-essential ca-certificates curl)
units=(mesos-master.service mesos-agent.service)

fail() {
  echo "sandbox/provision.sh: $*" >&2
  exit 1
}

default_resources() {
  local memory_kib
  memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
  echo "cpus:$(nproc);mem:$((memory_kib / 1024 / 2));disk:4096;ports:[31000-32000]"
}

check_machine() {
  [ "$(id -u)" = 0 ] || fail 'this needs root; in the VM: sudo /vagrant/sandbox/provision.sh'
  [ -d /run/systemd/system ] || fail 'this machine was not booted by systemd, which is to run Mesos.'
  has_address || fail "this machine has no address $ip; set SANDBOX_IP to one of: $(addresses | xargs)"
}

addresses() { ip -4 -o address show | awk '{ sub("/.*", "", $4); print $4 }'; }

# All of 127.0.0.0/8 is on loopback, listed or not.
has_address() { [[ $ip == 127.* ]] || addresses | grep -qxF "$ip"; }

install_build_packages() {
  local package missing=()
  for package in "${build_packages[@]}"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -qx 'install ok installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

create_user() {
  getent passwd mesos >/dev/null ||
    useradd --system --home-dir /var/lib/mesos --shell /usr/sbin/nologin mesos
}

master_settings() {
  cat <<SETTINGS
PORT=$master_port
LIBPROCESS_IP=$ip
MESOS_HOSTNAME=$ip
SETTINGS
}

# The agent runs as an ordinary user, so its tasks run as that user too.
agent_settings() {
  cat <<SETTINGS
PORT=$agent_port
MASTER=$ip:$master_port
LIBPROCESS_IP=$ip
MESOS_HOSTNAME=$ip
MESOS_SWITCH_USER=false
MESOS_RESOURCES=${SANDBOX_RESOURCES:-$(default_resources)}
SETTINGS
}

# Everything that a running service was started from, as far as it is there.
state_of() {
  { cat "/etc/mesos/$1" "/etc/systemd/system/mesos-$1.service" "$prefix/installed" 2>/dev/null || true; } | sha256sum
}

configure() {
  mkdir -p /etc/mesos
  master_settings >/etc/mesos/master
  agent_settings >/etc/mesos/agent
  install -m 644 "${units[@]/#/$here/}" /etc/systemd/system/
  systemctl daemon-reload
}

# An agent does not go on under its old id with other resources or another
# address: it becomes a new one, and its tasks of before are lost.
restart_changed() {
  if [ "$agent_before" != "$(state_of agent)" ]; then
    systemctl stop mesos-agent.service
    rm -f /var/lib/mesos/agent/agents/0/work/meta/slaves/latest
  fi
  if [ "$master_before" != "$(state_of master)" ]; then
    systemctl stop mesos-master.service
  fi
  systemctl enable --quiet --now "${units[@]}"
}

agent_is_active() {
  curl --silent --fail --max-time 5 "http://$ip:$master_port/slaves" |
    python3 -c '
import json, sys
agents = json.load(sys.stdin)["slaves"]
sys.exit(not any(a["active"] and a["pid"].endswith("@" + sys.argv[1]) for a in agents))
' "$ip:$agent_port" 2>/dev/null
}

wait_for_agent() {
  local deadline=$((SECONDS + wait_seconds))
  until agent_is_active; do
    if [ $SECONDS -ge $deadline ]; then
      systemctl --no-pager --full status "${units[@]}" >&2 || true
      fail "the agent did not register within $wait_seconds s; see above and journalctl -u mesos-master -u mesos-agent"
    fi
    sleep 0.5
  done
}

print_next_steps() {
  cat <<STEPS

Mesos 1.11.0 runs: master at $ip:$master_port, agent at $ip:$agent_port.

Built on a Linux x86-64 host (cargo build --release), the programs are in the VM too:

  vagrant ssh
  cd /vagrant
  target/release/scheduler --master $ip:$master_port --address $ip \\
      --executor target/release/executor --output /results images

On any other host, or if the VM has an older C library than the host, build in the VM:

  vagrant ssh
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env
  cd /vagrant && export CARGO_TARGET_DIR=~/target && cargo build --release
  ~/target/release/scheduler --master $ip:$master_port --address $ip \\
      --executor ~/target/release/executor --output /results images

The processed pictures appear in the host's results folder (output/ unless SANDBOX_RESULTS names another).
STEPS
}

check_machine
master_before=$(state_of master)
agent_before=$(state_of agent)
install_build_packages
"$here/install.sh" "$prefix"
create_user
configure
restart_changed
wait_for_agent
print_next_steps
