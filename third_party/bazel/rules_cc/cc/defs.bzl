"""Stand-in: forwards to Bazel's native rules, marked as the migration check wants them."""

_MARK = "__CC_RULES_MIGRATION_DO_NOT_USE_WILL_BREAK__"

def _marked(args):
    args["tags"] = (args.get("tags") or []) + [_MARK]
    return args

def cc_binary(**args):
    native.cc_binary(**_marked(args))

def cc_library(**args):
    native.cc_library(**_marked(args))

def cc_test(**args):
    native.cc_test(**_marked(args))

def cc_import(**args):
    native.cc_import(**_marked(args))

def cc_proto_library(**args):
    native.cc_proto_library(**_marked(args))

def cc_toolchain(**args):
    native.cc_toolchain(**_marked(args))

def cc_toolchain_suite(**args):
    native.cc_toolchain_suite(**_marked(args))

def objc_library(**args):
    native.objc_library(**_marked(args))
