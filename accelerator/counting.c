/* Each message that goes the short way is counted in its Tally. */

#include "accelerator.h"

void
count_message_in(Tally *self, const Frame *frame)
{
    self->messages[INWARD][frame->text]++;
    self->payload[INWARD] += frame->size;
}

void
count_message_out(Tally *self, const Outgoing *outgoing, Py_ssize_t size)
{
    self->messages[OUTWARD][(outgoing->first & TEXT) != 0]++;
    self->payload[OUTWARD] += outgoing->size;
    self->bytes[OUTWARD] += size;
}
