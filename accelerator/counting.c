/* Each message that takes the fast path is counted in its Tally. */

#include "accelerator.h"

void
count_message_in(Tally *self, bool text, Py_ssize_t size)
{
    self->messages[INWARD][text]++;
    self->payload[INWARD] += size;
}

void
count_message_out(Tally *self, const Outgoing *outgoing, Py_ssize_t size)
{
    self->messages[OUTWARD][(outgoing->first & TEXT) != 0]++;
    self->payload[OUTWARD] += outgoing->size;
    self->bytes[OUTWARD] += size;
}
