# SPDX-License-Identifier: Apache-2.0
# The functions of nixpkgs' lib that the flake uses, of the same meaning.
rec {
  importNames =
    file:
    builtins.filter (line: builtins.isString line && line != "" && builtins.substring 0 1 line != "#") (
      builtins.split "\n" (builtins.readFile file)
    );
  genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
  importTOML = file: builtins.fromTOML (builtins.readFile file);
  concatStringsSep = builtins.concatStringsSep;
  concatMapStringsSep = sep: f: list: concatStringsSep sep (map f list);
  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalAttrs = condition: attrs: if condition then attrs else { };
  licenses.asl20 = "Apache-2.0";
  platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  fileset = {
    unions = files: map (file: if builtins.pathExists file then file else throw "no such file: ${toString file}") files;
    toSource = { root, fileset }: builtins.path { path = root; name = "source"; filter = path: _: builtins.any (f: covers (toString f) path) fileset; };
  };
  covers = file: path: file == path || hasPrefix (file + "/") path || hasPrefix (path + "/") file;

  # Options: enough of the module system to check one module's definitions by type.
  mkIf = condition: content: { inherit condition content; };
  mkOption = option: option // { isOption = true; };
  mkEnableOption = text: mkOption { type = types.bool; default = false; description = text; };
  types = {
    bool = builtins.isBool;
    str = builtins.isString;
    path = value: builtins.isPath value || (builtins.isString value && hasPrefix "/" value);
    port = value: builtins.isInt value && value >= 0 && value <= 65535;
    package = value: builtins.isAttrs value && value ? drvPath;
    enum = allowed: value: builtins.elem value allowed;
    nullOr = type: value: value == null || type value;
  };
  # Definitions over defaults, each checked; an unknown or missing one is an error with its name.
  evalOptions =
    where: options: given:
    let
      unknown = builtins.filter (name: !(options ? ${name})) (builtins.attrNames given);
      value =
        name: option:
        let
          here = "${where}.${name}";
          found = given.${name} or (option.default or (throw "${here} is not set"));
        in
        if !(option.isOption or false) then
          evalOptions here option (given.${name} or { })
        else if option.type found then
          found
        else
          throw "${here} is not of its type";
    in
    if unknown == [ ] then
      builtins.mapAttrs value options
    else
      throw "${where}.${builtins.head unknown} does not exist";
}
