# SPDX-License-Identifier: Apache-2.0
# One definition of services.qres-gateway through the module, as JSON; for test_nix.py.
{ module, given }:
let
  lib = import ./lib.nix;
  package = derivation {
    name = "qres";
    system = builtins.currentSystem;
    builder = "/bin/sh";
  };
  self.packages.${builtins.currentSystem}.qres = package;
  make = import module { inherit self; };
  made = make {
    inherit lib;
    pkgs.stdenv.hostPlatform.system = builtins.currentSystem;
    config.services.qres-gateway =
      lib.evalOptions "services.qres-gateway" made.options.services.qres-gateway
        (builtins.fromJSON given);
  };
  inherit (made) config;
in
{
  inherit (config) condition;
  failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.content.assertions);
  firewall = config.content.networking.firewall;
  service = config.content.systemd.services.qres-gateway;
}
