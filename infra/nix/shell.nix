# SPDX-License-Identifier: Apache-2.0
# Every tool that the Makefile and the tests call. Python packages come from requirements.lock
# into .venv, by `make setup`, as they do without Nix.
{
  mkShell,
  python311,
  gcc,
  clang,
  cmake,
  ninja,
  gnumake,
  cppcheck,
  qemu,
  mosquitto,
  influxdb,
  docker-client,
  docker-compose,
  hadolint,
  shellcheck,
  wireshark-cli,
  chromium,
  nixfmt-rfc-style,
}:
mkShell {
  packages = [
    python311
    gcc
    clang
    cmake
    ninja
    gnumake
    cppcheck
    qemu
    mosquitto
    influxdb
    docker-client
    docker-compose
    hadolint
    shellcheck
    wireshark-cli
    chromium
    nixfmt-rfc-style
  ];
  env.PYTHON = "${python311}/bin/python3";
}
