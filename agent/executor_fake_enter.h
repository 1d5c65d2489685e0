/* What a fake container runs for whoever goes inside: cat. */
#pragma once
#include "agent/executor.h"
#include "lib/os/loop.h"

struct executor_entry *fake_enter(struct loop *loop, const struct executor_entry_events *events,
                                  void *context);
void fake_entry_end_input(struct executor_entry *entry);
void fake_entry_resize(struct executor_entry *entry, uint32_t width, uint32_t height);
void fake_entry_finish(struct executor_entry *entry);
void fake_entry_leave(struct executor_entry *entry);
