/* A situation: a little world written down as YAML.  situation.c reads it; its tables of keys are
 * the format's description. */
#pragma once
#include "tests/golden/yaml.h"
#include "tests/lib/build_objects.h"

/* Builds into a fresh world.  "Now" is a fixed time; ages in the file count back from it. */
void situation_build(struct world *world, struct yaml root);
