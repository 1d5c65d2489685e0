"""Stand-in: forwards to Bazel's native rules, marked as the migration check wants them."""

_MARK = "__JAVA_RULES_MIGRATION_DO_NOT_USE_WILL_BREAK__"

def _marked(args):
    args["tags"] = (args.get("tags") or []) + [_MARK]
    return args

def java_binary(**args):
    native.java_binary(**_marked(args))

def java_import(**args):
    native.java_import(**_marked(args))

def java_library(**args):
    native.java_library(**_marked(args))

def java_runtime(**args):
    native.java_runtime(**_marked(args))

def java_toolchain(**args):
    native.java_toolchain(**_marked(args))

def java_proto_library(**args):
    native.java_proto_library(**_marked(args))
