# SPDX-License-Identifier: Apache-2.0
# What `make lint` and `make test` check, in Nix: one derivation for each.
{
  lib,
  stdenvNoCC,
  python3,
  gcc,
  qres,
  docs,
}:
let
  python = python3.withPackages (
    ps: [
      (ps.toPythonModule qres)
      ps.httpx
      ps.hypothesis
      ps.jsonschema
      ps.mypy
      ps.pytest
      ps.pytest-xdist
      ps.pyyaml
      ps.ruff
      ps.scipy
      ps.types-pyyaml
      ps.types-requests
    ]
  );
  check =
    name: script:
    stdenvNoCC.mkDerivation {
      name = "qres-${name}";
      src = import ./source.nix { inherit lib; } [
        ../../.ci
        ../../.dockerignore
        ../../.gitignore
        ../../CHANGELOG.md
        ../../Makefile
        ../../bench
        ../../docker-compose.yml
        ../../docs
        ../../flake.nix
        ../../infra
        ../../requirements.lock
        ../../tests
        ../../tools
      ];
      nativeBuildInputs = [
        python
        gcc
      ];
      dontConfigure = true;
      buildPhase = script;
      installPhase = "touch $out";
    };
in
{
  inherit qres docs;
  pytest = check "pytest" ''
    export HOME=$TMPDIR
    python -m pytest -q -p no:cacheprovider -n auto -m "not slow and not bench and not browser"
  '';
  ruff = check "ruff" ''
    ruff check --no-cache
    ruff format --check --no-cache
  '';
  mypy = check "mypy" ''
    mypy --cache-dir=$TMPDIR
  '';
}
