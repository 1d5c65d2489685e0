"""How fuzz targets are built."""

def fuzz_target(name, srcs, deps, **kwargs):
    """A libFuzzer program: clang, with the address and undefined-behaviour sanitizers.

    One per parser of what comes from outside; srcs define LLVMFuzzerTestOneInput:

        load("//tests/fuzz:fuzz.bzl", "fuzz_target")
        fuzz_target("dns_packet_fuzz", srcs = ["dns_packet_fuzz.c"], deps = ["//dns:packet"])

    Run it for half a minute, or again on what it found:

        bazel run --config=fuzz //tests/fuzz:dns_packet_fuzz -- -max_total_time=30
        bazel run --config=fuzz //tests/fuzz:dns_packet_fuzz -- $PWD/crash-1234

    A corpus folder given as an argument (an absolute path) is kept between runs.  Targets are "manual": //... leaves them
    out, since gcc cannot link them.

    Args:
      name: of the target.
      srcs: the target's own files.
      deps: what is fuzzed.
      **kwargs: as cc_binary takes them.
    """
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        linkopts = kwargs.pop("linkopts", []) + ["-fsanitize=fuzzer"],
        tags = kwargs.pop("tags", []) + ["manual"],
        deps = deps,
        **kwargs
    )
