/* Telling systemd, or another parent, how we are. */
#pragma once

/* Sends "READY=1" or the like to $NOTIFY_SOCKET; without one, or when it fails, nothing happens. */
void notify_systemd(const char *text);

/* Writes a byte to 'fd' and closes it. */
void notify_fd(int fd);
