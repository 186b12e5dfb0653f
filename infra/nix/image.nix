# SPDX-License-Identifier: Apache-2.0
# The gateway's container image without Docker: `docker load < result`, then
# `docker tag qres-gateway:nix qres-gateway:local` puts it under docker-compose.yml.
{
  dockerTools,
  qres,
  python3,
  runCommand,
}:
let
  jobs = runCommand "qres-jobs" { } ''
    mkdir -p $out/opt/qres/jobs $out/var/lib/qres
    cp -r ${../qres_init} $out/opt/qres/jobs/qres_init
  '';
  python = python3.withPackages (_: [ (python3.pkgs.toPythonModule qres) ]);
in
dockerTools.streamLayeredImage {
  name = "qres-gateway";
  tag = "nix";
  contents = [
    qres
    python
    jobs
    dockerTools.caCertificates
  ];
  fakeRootCommands = "chown -R 10001:10001 ./var/lib/qres";
  config = {
    User = "10001:10001";
    WorkingDir = "/var/lib/qres";
    Entrypoint = [ "qres" ];
    Cmd = [
      "gateway"
      "--site"
      "/etc/qres/site.toml"
      "--store"
      "/var/lib/qres/gateway.sqlite"
    ];
    Env = [
      "PYTHONPATH=/opt/qres/jobs"
      "PYTHONDONTWRITEBYTECODE=1"
      "PYTHONUNBUFFERED=1"
    ];
    ExposedPorts = {
      "1700/udp" = { };
      "8787/tcp" = { };
    };
  };
}
