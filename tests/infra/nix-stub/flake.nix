# SPDX-License-Identifier: Apache-2.0
#
# Stands in for nixpkgs where it cannot be fetched. Derivations are fake but refer to everything
# that they are given, so that a missing argument, a wrong path or an unknown package is an error.
# What it cannot show: that nixpkgs has these packages, and that anything builds.
{
  description = "stub of nixpkgs";

  outputs =
    { self }:
    let
      lib = import ./lib.nix;
      packagesFor =
        system:
        let
          # Everything in `attrs` becomes an environment variable of the derivation, as in nixpkgs.
          fake =
            attrs:
            let
              plain = removeAttrs attrs [
                "meta"
                "passthru"
                "env"
              ];
              text = value: if builtins.isAttrs value && !(value ? drvPath) then builtins.toJSON value else value;
            in
            derivation (
              builtins.mapAttrs (_: text) plain
              // (attrs.env or { })
              // {
                inherit system;
                name = attrs.name or "${attrs.pname}-${attrs.version}";
                builder = "/bin/sh";
                args = [
                  "-c"
                  "echo fake > $out"
                ];
              }
            )
            // {
              meta = attrs.meta or { };
            };
          leaf = name: fake { inherit name; };
          leaves = names: builtins.listToAttrs (map (name: { inherit name; value = leaf name; }) names);
          python = leaf "python3" // {
            pkgs = pythonPackages;
            withPackages = f: fake { name = "python3-env"; inside = f pythonPackages; };
          };
          pythonPackages = leaves (lib.importNames ./python-packages.txt) // {
            buildPythonApplication = fake;
            toPythonModule = drv: drv;
          };
          all =
            leaves (lib.importNames ./packages.txt)
            // {
              inherit lib callPackage;
              stdenv = { hostPlatform = { inherit system; }; mkDerivation = fake; };
              stdenvNoCC = { hostPlatform = { inherit system; }; mkDerivation = fake; };
              mkShell = args: fake (args // { name = "shell"; });
              runCommand = name: env: script: fake (env // { inherit name script; });
              dockerTools = {
                streamLayeredImage = args: fake (args // { config = builtins.toJSON args.config; });
                caCertificates = leaf "ca-certificates";
              };
              python3 = python;
              python311 = python;
              python3Packages = pythonPackages;
            };
          callPackage =
            file: given:
            let
              f = if builtins.isFunction file then file else import file;
              wanted = builtins.functionArgs f;
            in
            f (builtins.intersectAttrs wanted all // given);
        in
        all;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packagesFor;
    };
}
