# SPDX-License-Identifier: Apache-2.0
#
# The kit with Nix: packages, a shell with every tool, the checks, and a NixOS module.
#
#   nix develop              the shell; then `make test` and the like work as without Nix
#   nix build .#qres         the `qres` command     .#image: the gateway's container image
#   nix flake check          build, fast tests, ruff, mypy, docs
#
# There is no flake.lock yet: it names the revision of nixpkgs, which nobody could fetch where this
# file was written. The first `nix flake lock` makes it; commit it then.
{
  description = "QRES field kit: weather over LoRa, where silence carries the data";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach = make: lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = forEach (pkgs: rec {
        qres = pkgs.callPackage ./infra/nix/package.nix { };
        image = pkgs.callPackage ./infra/nix/image.nix { inherit qres; };
        docs = pkgs.callPackage ./infra/nix/docs.nix { };
        default = qres;
      });

      devShells = forEach (pkgs: {
        default = pkgs.callPackage ./infra/nix/shell.nix { };
      });

      checks = forEach (
        pkgs:
        pkgs.callPackage ./infra/nix/checks.nix {
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) qres docs;
        }
      );

      nixosModules.default = import ./infra/nix/module.nix { inherit self; };

      formatter = forEach (pkgs: pkgs.nixfmt-rfc-style);
    };
}
