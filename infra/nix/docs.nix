# SPDX-License-Identifier: Apache-2.0
# The documents in one folder; a link to a file of the project that is not there fails the build.
{
  lib,
  stdenvNoCC,
  python3,
}:
stdenvNoCC.mkDerivation {
  name = "qres-docs";
  src = import ./source.nix { inherit lib; } [
    ../../docs
    ../../infra
    ../../CHANGELOG.md
  ];
  nativeBuildInputs = [ python3 ];
  dontConfigure = true;
  buildPhase = "python3 ${./check_links.py} .";
  installPhase = ''
    mkdir -p $out
    find . \( -name "*.md" -o -path "./docs/*.png" \) -exec cp --parents {} $out \;
  '';
}
