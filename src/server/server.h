/* `penstock serve`: builds everything in order, waits for signals, takes everything down in reverse
 * order. */
#ifndef PENSTOCK_SERVER_SERVER_H
#define PENSTOCK_SERVER_SERVER_H

/* argv[0] is "serve". The exit status: 0 after a clean stop, 1 when it could not start, 2 for bad
 * usage. */
int server_main(int argc, char **argv);

#endif
