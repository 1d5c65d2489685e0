/* For tests that nothing leaks. */
#pragma once

/* How many descriptors this process has open. */
int count_descriptors(void);
