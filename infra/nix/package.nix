# SPDX-License-Identifier: Apache-2.0
# The `qres` command. Versions are those of nixpkgs, so the exact pins of pyproject.toml are
# loosened; requirements.lock is what Docker and `make setup` install.
{
  lib,
  python3Packages,
  cmake,
  ninja,
}:
let
  project = lib.importTOML ../../pyproject.toml;
  header = builtins.readFile ../../node/core/include/qres.h;
  number =
    part:
    builtins.head (
      builtins.match ".*#define QRES_VERSION_${part} ([0-9]+).*" (
        builtins.replaceStrings [ "\n" ] [ " " ] header
      )
    );
  # "numpy==2.4.6" -> python3Packages.numpy; a name that nixpkgs lacks fails here, by name.
  named = requirement: builtins.head (builtins.match "([A-Za-z0-9._-]+)==.*" requirement);
  package = requirement: python3Packages.${named requirement};
in
python3Packages.buildPythonApplication {
  pname = project.project.name;
  version = lib.concatMapStringsSep "." number [
    "MAJOR"
    "MINOR"
    "PATCH"
  ];
  pyproject = true;

  src = import ./source.nix { inherit lib; } [ ];

  build-system = [
    python3Packages.scikit-build-core
    python3Packages.cffi
  ];
  nativeBuildInputs = [
    cmake
    ninja
  ];
  dontUseCmakeConfigure = true; # scikit-build-core calls CMake

  postPatch = ''
    sed -i -E 's/^(requires = .*)==[0-9.]+(".*)==[0-9.]+/\1\2/' pyproject.toml
  '';
  pythonRelaxDeps = true;
  dependencies = map package project.project.dependencies;

  pythonImportsCheck = [
    "qres"
    "qres._core"
    "qres_gateway"
  ];

  meta = {
    inherit (project.project) description;
    license = lib.licenses.asl20;
    mainProgram = "qres";
    platforms = lib.platforms.linux;
  };
}
