# SPDX-License-Identifier: Apache-2.0
# NixOS: the receive-only gateway as a service, confined, its secrets as systemd credentials.
#
#   services.qres-gateway = {
#     enable = true;
#     siteFile = "/var/lib/field/site.toml";   # its key_file must be "site.key"
#     keyFile = "/var/lib/field/site.key";     # readable by root alone
#     influx.url = "http://127.0.0.1:8086";
#     influx.tokenFile = "/run/keys/influx-token";
#   };
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.qres-gateway;
  inherit (lib)
    mkEnableOption
    mkIf
    mkOption
    optional
    optionalAttrs
    optionals
    types
    ;
  path = types.path;
  optionalPath = types.nullOr path;
  credentials =
    [
      "site.toml:${cfg.siteFile}"
      "site.key:${cfg.keyFile}"
    ]
    ++ optional (cfg.influx.tokenFile != null) "influx-token:${cfg.influx.tokenFile}"
    ++ optional (cfg.mqtt.passwordFile != null) "mqtt-password:${cfg.mqtt.passwordFile}";
  arguments =
    [
      "gateway"
      "--site=%d/site.toml"
      "--store=%S/qres-gateway/gateway.sqlite"
      "--udp-host=${cfg.udp.address}"
      "--udp-port=${toString cfg.udp.port}"
      "--log-level=${cfg.logLevel}"
    ]
    ++ (
      if cfg.console.enable then
        [
          "--console-host=${cfg.console.address}"
          "--console-port=${toString cfg.console.port}"
        ]
      else
        [ "--no-console" ]
    )
    ++ optionals (cfg.influx.url != null) [
      "--influx-url=${cfg.influx.url}"
      "--influx-org=${cfg.influx.org}"
      "--influx-bucket=${cfg.influx.bucket}"
    ]
    ++ optionals (cfg.mqtt.url != null) [ "--mqtt-url=${cfg.mqtt.url}" ]
    ++ optional cfg.mqtt.rawFrames "--mqtt-raw";
in
{
  options.services.qres-gateway = {
    enable = mkEnableOption "the receive-only gateway of a QRES field";

    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.qres;
      defaultText = "the qres package of this flake";
      description = "Where the `qres` command comes from.";
    };

    siteFile = mkOption {
      type = path;
      description = "The field's site file; its `key_file` must be \"site.key\".";
    };

    keyFile = mkOption {
      type = path;
      description = "The field key. Give a path as a string, so that it does not go to the store.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Let packet forwarders of other hosts in. The console is never opened.";
    };

    logLevel = mkOption {
      type = types.enum [
        "debug"
        "info"
        "warning"
        "error"
      ];
      default = "info";
      description = "From which level on the journal gets messages.";
    };

    udp = {
      address = mkOption {
        type = types.str;
        default = "127.0.0.1";
        description = "Address for packet forwarders; 0.0.0.0 for those of other hosts.";
      };
      port = mkOption {
        type = types.port;
        default = 1700;
        description = "UDP port for packet forwarders.";
      };
    };

    console = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to show the field in a browser.";
      };
      address = mkOption {
        type = types.str;
        default = "127.0.0.1";
        description = "Address of the console. Anybody who reaches it can read it.";
      };
      port = mkOption {
        type = types.port;
        default = 8787;
        description = "TCP port of the console.";
      };
    };

    influx = {
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "http://127.0.0.1:8086";
        description = "InfluxDB to write to; null for none.";
      };
      org = mkOption {
        type = types.str;
        default = "qres";
        description = "Its organisation.";
      };
      bucket = mkOption {
        type = types.str;
        default = "qres";
        description = "Its bucket.";
      };
      tokenFile = mkOption {
        type = optionalPath;
        default = null;
        description = "File with a token that may write to the bucket, and nothing else.";
      };
    };

    mqtt = {
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "mqtt://gateway@127.0.0.1:1883";
        description = "Broker to publish to; null for none.";
      };
      passwordFile = mkOption {
        type = optionalPath;
        default = null;
        description = "File with the user's password.";
      };
      rawFrames = mkOption {
        type = types.bool;
        default = false;
        description = "Whether to receive raw frames from the broker, too.";
      };
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.influx.url == null || cfg.influx.tokenFile != null;
        message = "services.qres-gateway.influx.url is set: tokenFile must be, too";
      }
      {
        assertion = cfg.mqtt.rawFrames -> cfg.mqtt.url != null;
        message = "services.qres-gateway.mqtt.rawFrames needs mqtt.url";
      }
      {
        assertion = !(lib.hasPrefix builtins.storeDir (toString cfg.keyFile));
        message = "services.qres-gateway.keyFile is in the Nix store, where everybody can read it";
      }
    ];

    networking.firewall = optionalAttrs cfg.openFirewall {
      allowedUDPPorts = [ cfg.udp.port ];
    };

    systemd.services.qres-gateway = {
      description = "Receive-only gateway of a QRES field";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "time-sync.target"
      ];
      startLimitIntervalSec = 0; # it must come back, however often
      serviceConfig = {
        ExecStart = lib.concatStringsSep " " ([ "${cfg.package}/bin/qres" ] ++ arguments);
        Restart = "always";
        RestartSec = 5;
        TimeoutStopSec = 30;
        DynamicUser = true;
        StateDirectory = "qres-gateway";
        StateDirectoryMode = "0700";
        WorkingDirectory = "%S/qres-gateway";
        LoadCredential = credentials;
        UMask = "0077";

        # It opens sockets and writes its own folder; everything else is taken from it.
        AmbientCapabilities = "";
        CapabilityBoundingSet = "";
        DevicePolicy = "closed";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        MemoryMax = "512M";
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        PrivateUsers = true;
        ProcSubset = "pid";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged @resources"
        ];
        TasksMax = 64;
      };
    };
  };
}
