/* The filters once more, from the specs alone: nothing of lib/placement decides here. */
#pragma once
#include "lib/placement/placement.h"
#include "lib/state/view.h"

/* The first filter that keeps the task from the node, FILTER_NONE when none does; the skew of
 * branches is not among them. */
enum placement_filter oracle_filter(const struct view *view, const Sk__ServiceSpec *spec,
                                    const Sk__Node *node);

/* The same if tasks of a lower priority were not there, or if these were not. */
enum placement_filter oracle_filter_above(const struct view *view, const Sk__ServiceSpec *spec,
                                          const Sk__Node *node, int32_t least);
enum placement_filter oracle_filter_without(const struct view *view, const Sk__ServiceSpec *spec,
                                            const Sk__Node *node, const Sk__Task *const *gone,
                                            size_t n_gone);

/* Ready, and as the constraints want it? */
bool oracle_suits(const Sk__ServiceSpec *spec, const Sk__Node *node);

/* How many wishes of the spec the node does not meet. */
uint32_t oracle_unmet(const struct view *view, const Sk__ServiceSpec *spec, const Sk__Node *node);

/* Does one of the two refuse to be beside the other? */
bool oracle_are_apart(const Sk__ServiceSpec *a, const Sk__ServiceSpec *b);

/* "" when the node has no such label; 'descriptor' is "node.labels.NAME". */
const char *oracle_label(const Sk__Node *node, const char *descriptor);
