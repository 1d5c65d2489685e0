/* A container's spec, as Docker shows it. */
#pragma once
#include "lib/docker/docker.h"

json_t *container_spec(const Sk__ContainerSpec *spec, enum docker_flags flags);
