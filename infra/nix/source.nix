# SPDX-License-Identifier: Apache-2.0
# The files of the project that a build may see: what git tracks is already all that a flake has,
# and of that, not the folders whose change does not change what is built.
{ lib }:
extra:
lib.fileset.toSource {
  root = ../..;
  fileset = lib.fileset.unions (
    [
      ../../LICENSE
      ../../README.md
      ../../pyproject.toml
      ../../dashboards
      ../../gateway
      ../../node
    ]
    ++ extra
  );
}
