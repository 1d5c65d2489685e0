"""protobuf_c_library: .proto files in, one C library out."""

def protobuf_c_library(name, srcs, deps = [], imports = [], visibility = None):
    """Generates and compiles the C of some .proto files.

    Args:
      name: the library.
      srcs: .proto files of this package.
      deps: protobuf_c_library targets whose messages these use.
      imports: the .proto files of those targets (labels), needed by the compiler.
      visibility: as ever.
    """
    stems = [src[:-len(".proto")] for src in srcs]
    native.genrule(
        name = name + "_c",
        srcs = srcs + imports,
        outs = [stem + suffix for stem in stems for suffix in [".pb-c.c", ".pb-c.h"]],
        cmd = "protoc-c --proto_path=. --proto_path=/usr/include --c_out=$(GENDIR) " +
              " ".join(["$(location %s)" % src for src in srcs]),
    )

    # What `grpc.reflection` answers with: the same files as a FileDescriptorSet.
    native.genrule(
        name = name + "_descriptors",
        srcs = srcs + imports,
        outs = [name + ".descriptors"],
        cmd = "protoc --proto_path=. --proto_path=/usr/include --include_imports " +
              "--descriptor_set_out=$@ " +
              " ".join(["$(location %s)" % src for src in srcs]),
        visibility = visibility,
    )
    native.cc_library(
        name = name,
        srcs = [stem + ".pb-c.c" for stem in stems],
        hdrs = [stem + ".pb-c.h" for stem in stems],
        copts = ["-Wno-unused-parameter"],
        visibility = visibility,
        deps = deps + ["//third_party:protobuf_c"],
    )
