/* A message and all it points to in one piece of memory: what a view keeps for years, once per
 * part, a million times. */
#pragma once
#include <protobuf-c/protobuf-c.h>

/* A deep copy on the heap; free() releases all of it. */
ProtobufCMessage *block_of_message(const ProtobufCMessage *message);
