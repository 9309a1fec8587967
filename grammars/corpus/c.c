#include <stdio.h>
#include "net.h"

#define LIMIT 3
#define TWICE(x) ((x) + (x))

/* Where to connect. */
struct config {
    const char *host;
    int port;
};

typedef struct config config_t;
enum color { RED };
static int count = 0;
int declared(int a);

static int connect_to(struct config *c) {
    printf("%d", 'x'); // not code
    return c->port;
}

char *name(void) { return 0; }

#ifndef GUARD
#define GUARD
extern int shared;
struct config **all_of(const char *path, int count);
static const char *names[] = {"a", "b"};
#if FEATURE
int featured(void);
#else
int plain(void);
#endif
#endif
