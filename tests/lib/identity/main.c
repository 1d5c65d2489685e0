/* make-identity FOLDER CLUSTER NODE OU DAEMON...: test_identity_make() for scripts. */
#include <stdio.h>

#include "tests/lib/identity/identity.h"

int main(int argc, char **argv)
{
        if (argc < 6) {
                fprintf(stderr, "usage: make-identity FOLDER CLUSTER NODE OU DAEMON...\n");
                return 2;
        }
        for (int i = 5; i < argc; i++)
                test_identity_make(argv[1], argv[2], argv[3], argv[4], argv[i]);
        return 0;
}
