#!/bin/sh
# Installs what the demo, the tests and the benchmarks need on a Debian machine, as root, and starts them: sh scripts/bootstrap.sh demo|demo-full|test|bench
# `build` makes Plumb ready for hosts of one's own, and needs no root where ssh and npm are there.
set -eu
cd "$(dirname "$0")/.."
command=$1
shift

packages="systemd-container mmdebstrap nftables iproute2 openssh-client apt-cacher-ng openssl ca-certificates"
case $command in build) packages=openssh-client ;; demo*) ;; *) packages="$packages busybox sudo time" ;; esac
# What Plumb's vaults, inventories and plays are compared with, and a shell that completes its commands.
[ "$command" != test ] || packages="$packages ansible-core age zsh fish"
node_version=24.21.0

fail() { echo "plumb: $1" >&2; exit 2; }

install_packages() {
  missing=
  for package in $packages; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) in installed) ;; *) missing="$missing $package" ;; esac
  done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing; install them as root:$missing"
  echo "Installing Debian packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # The lab starts its own package cache: Debian's service of the same program stays down.
  policy=
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 0755 "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get -q update
  # shellcheck disable=SC2086
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install $missing
  if [ -n "$policy" ]; then rm -f "$policy"; trap - EXIT; fi
}

# Node 22.22.2 or later; where the machine's is older, a current one comes from npm and stays in .node.
install_node() {
  case $(uname -m) in x86_64) architecture=x64 ;; aarch64) architecture=arm64 ;; *) architecture= ;; esac
  own=$PWD/.node/node_modules/node-linux-$architecture/bin
  if command -v node >/dev/null && node -e 'const [a, b, c] = process.versions.node.split(".").map(Number); process.exit(a > 24 || (a === 24 && b >= 15) || (a === 22 && (b > 22 || (b === 22 && c >= 2))) ? 0 : 1)'; then
    return 0
  fi
  if [ ! -x "$own/node" ]; then
    [ -n "$architecture" ] || fail "Node.js 24 is needed, and none is known for $(uname -m)"
    command -v npm >/dev/null || fail "npm is needed: apt-get install npm"
    echo "Installing Node.js $node_version into .node"
    # In a folder of its own: this project's .npmrc refuses the old Node that installs the new one.
    mkdir -p .node
    (cd .node && npm install --prefix . --no-save --ignore-scripts --no-audit --no-fund "node-linux-$architecture@$node_version" >/dev/null)
  fi
  PATH=$own:$PATH
  export PATH
}

install_modules() {
  if [ -f node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]; then return 0; fi
  echo "Installing npm packages"
  npm ci --no-audit --no-fund
}

[ "$(uname -s)" = Linux ] && command -v dpkg-query >/dev/null || fail "this needs Debian (or its kin); Plumb itself runs wherever Node.js does"
install_packages
install_node
# What the tests' hosts are made from: it waits for the network and for one processor, as the next steps do.
[ "$command" != test ] || { node scripts/lab-images.ts & images=$!; }
install_modules
PATH=$PWD/node_modules/.bin:$PATH
export PATH
node scripts/build.ts

case $command in
  build) echo "Plumb is ready: $PWD/bin/plumb" ;;
  demo) exec node scripts/demo.ts "$@" ;;
  demo-full) exec node scripts/demo-full.ts "$@" ;;
  bench) exec node bench/run.ts "$@" ;;
  test)
    # At once, because each waits for one processor.
    tsc --noEmit & types=$!
    biome check --error-on-warnings . & style=$!
    knip & unused=$!
    node scripts/audit.ts & weaknesses=$!
    for one in $types $style $unused $weaknesses; do wait "$one" || fail "this must be in order before anything is tried"; done
    # Where they could not be built, the tests that want hosts say so.
    wait "$images" || true
    # What has just been built is what is tried.
    PLUMB_TEST_BUILT=yes exec vitest run "$@"
    ;;
  *) fail "usage: sh scripts/bootstrap.sh build|demo|demo-full|test|bench" ;;
esac
