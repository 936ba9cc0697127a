/* channel.h - channels: messages in both directions, each of bytes and handles. */
#ifndef KERNEL_CHANNEL_H
#define KERNEL_CHANNEL_H

#include "proc.h"

#define MESSAGE_BYTES_MOST   65536u
#define MESSAGE_HANDLES_MOST 16u
#define MESSAGES_MOST        64u   /* that wait at one end */
#define CHANNELS_MOST        4096u /* of a machine */

struct channel_end;

/* Both ends of a new channel: 0, -ENOMEM or -ENFILE. */
int channel_new(struct channel_end *ends[2]);
void channel_close(struct channel_end *end);

/*
 * A message: bytes of the program's memory, and open files that the receiver shall get. Sending
 * takes it over, also on failure: 0, -EPIPE (the other end is gone), -EAGAIN (it is full), -ELOOP
 * (an end cannot be sent through its own channel). channel_wait_room first waits for room, unless
 * wait is 0; nothing but thread.held may be held then.
 */
struct message;
int channel_wait_room(struct channel_end *end, int wait);
int message_new(const struct process *p, uint32_t buf, uint32_t len, struct message **out);
int message_attach(struct message *m, const struct slot *slot);
void message_free(struct message *m);
int channel_send(struct channel_end *end, struct message *m);

/* The next message, still in the queue: 1; 0: none can come any more; -EAGAIN. */
int channel_peek(struct channel_end *end, int wait, struct message **out);
uint32_t message_bytes(const struct message *m, const uint8_t **bytes);
uint32_t message_handles(const struct message *m, struct slot **slots);
/* Take it out of the queue; it is the caller's. */
void channel_take(struct channel_end *end);

int channel_readable(const struct channel_end *end, int *hangup);
int channel_writable(const struct channel_end *end, int *hangup);

#endif
