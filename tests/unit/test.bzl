"""How unit tests are built."""

def unit_test(name, deps, **kwargs):
    """A cmocka test made of <name>.c.

    One line per test file, in the BUILD of the folder that mirrors the tested one:

        load("//tests/unit:test.bzl", "unit_test")
        unit_test("view_test", deps = ["//lib/state"])

    The file includes "tests/unit/test.h", which brings cmocka.  Further arguments go to cc_test (srcs, data, ...).

    Args:
      name: of the target and, with ".c", of the file.
      deps: what is tested, and builders.
      **kwargs: as cc_test takes them.
    """
    native.cc_test(
        name = name,
        size = kwargs.pop("size", "small"),
        srcs = kwargs.pop("srcs", []) + [name + ".c"],
        deps = deps + ["//tests/unit:test"],
        **kwargs
    )
