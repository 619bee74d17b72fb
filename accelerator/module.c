/* The accelerator: the functions in which a busy connection spends its time, a second time in C.
 *
 * Each function and each type has a twin in Python with the same name, which describes it. Each
 * file names the module of the twin. _accelerator.py decides which of the two is used. Results and
 * exceptions are the same, and so are the tests.
 *
 * One rule keeps memory safe. All code that can run Python code can also send, pause, close and
 * delete. The call of a method can run Python code; so can the release of an object, a conversion
 * to a number, the making of any object that the garbage collector knows (it may run finalizers),
 * and a signal. So none of these comes between getting and using
 *   - a pointer into a buffer that may move: get_key is called before cork_room;
 *   - an object that belongs to an attribute: hold a reference of your own;
 *   - a number that a buffer's size was computed from: read it once.
 * Bytes that the caller or a reference holds don't move, and neither does an exported buffer
 * (get_bytes). An attribute that Python code can set may be anything: check its type at each use.
 */

#include "accelerator.h"

static State *
state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

static const char *const NAME_STRINGS[NAMES] = {
    [ABORTING] = "_aborting",
    [ADD_BOTH] = "_add_both",
    [APPLICATION] = "application",
    [BLAME] = "blame",
    [BUFFER_SIZE] = "bufferSize",
    [CALL_BACK] = "_call_back",
    [CONTROL_RECEIVED] = "control_received",
    [CORK] = "cork",
    [DATA_BUFFER] = "dataBuffer",
    [DATA_RECEIVED] = "dataReceived",
    [DECOMPRESS] = "decompress",
    [DEFLATE] = "deflate",
    [DISCONNECTING] = "disconnecting",
    [DO_READ] = "doRead",
    [DRAINED] = "drained",
    [ENDED] = "eof",
    [FILENO] = "fileno",
    [GIVE] = "give",
    [GO_ON] = "go_on",
    [HOLD_READ] = "hold_read",
    [HOOK_RETURNED] = "hook_returned",
    [INFLATE_PART] = "inflate_part",
    [JUST_STOPPED] = "_justStopped",
    [KEEP] = "_keep_waiting",
    [LEFT_UNREAD] = "left_unread",
    [LET_CATCH_UP] = "let_catch_up",
    [MESSAGE_FAILED] = "message_failed",
    [MESSAGE_RECEIVED] = "messageReceived",
    [NEW_TIMED_CALLS] = "_newTimedCalls",
    [NEXT] = "_next",
    [OVER_LIMIT] = "_over_limit",
    [PAUSE] = "_pause",
    [PENDING_TIMED_CALLS] = "_pendingTimedCalls",
    [PING_HOOK] = "pingReceived",
    [PING_RECEIVED] = "ping_received",
    [PROTOCOL] = "protocol",
    [PUT_OFF] = "_put_off",
    [PUT_OTHERWISE] = "_put_otherwise",
    [RAISED] = "_raised",
    [READ_ENDED] = "read_ended",
    [READ_OTHERWISE] = "read_otherwise",
    [RECEIVE] = "receive",
    [RECEIVE_HELD] = "receive_held",
    [RECEIVE_OPENING] = "receive_opening",
    [RECV_OTHERWISE] = "recv_otherwise",
    [REFUSE] = "refuse",
    [RESUME] = "_resume",
    [RETURNED] = "_returned",
    [RUNNING] = "running",
    [SEND_AND_WAIT] = "send_and_wait",
    [SEND_OTHERWISE] = "send_otherwise",
    [TAKE_FIRST] = "_take_first",
    [TEMP_DATA_LEN] = "_tempDataLen",
    [TIME] = "time",
    [TLS] = "TLS",
    [TRANSMIT] = "_transmit",
    [TRANSPORT_CLOSED] = "transport_closed",
    [UNCORK] = "uncork",
    [WAIT] = "_wait",
    [WRAPPED_PROTOCOL] = "wrappedProtocol",
    [WRITE] = "write",
};

static int
execute(PyObject *module)
{
    PyObject *keys = PyImport_ImportModule("txws2.wire.masking_keys");
    if (keys == NULL) {
        return -1;
    }
    State *state = state_of(module);
    state->new_mask = PyObject_GetAttrString(keys, "new_mask");
    Py_DECREF(keys);
    if (state->new_mask == NULL) {
        return -1;
    }
    for (int i = 0; i < NAMES; i++) {
        state->names[i] = PyUnicode_InternFromString(NAME_STRINGS[i]);
        if (state->names[i] == NULL) {
            return -1;
        }
    }
    if (add_masking(module) < 0 || add_frames(module) < 0 || add_ordinary(module) < 0
        || add_tally(module, state) < 0 || add_decoder(module, state) < 0
        || add_inflation(module, state) < 0
        || add_cork(module, state) < 0 || add_exchange(module, state) < 0
        || add_handle(module, state) < 0 || add_inbox(module) < 0 || add_prompt(module) < 0
        || add_answer(module, state) < 0 || add_records(module, state) < 0
        || add_broadcasting(module) < 0 || add_heads(module) < 0 || add_keys(module) < 0) {
        return -1;
    }
    return add_readthrough(module) < 0 ? -1 : add_staying(module);
}

static int
traverse(PyObject *module, visitproc visit, void *arg)
{
    Py_VISIT(state_of(module)->new_mask);
    Py_VISIT(state_of(module)->cork_type);
    Py_VISIT(state_of(module)->decoder_type);
    Py_VISIT(state_of(module)->exchange_type);
    Py_VISIT(state_of(module)->handle_type);
    Py_VISIT(state_of(module)->inflation_type);
    Py_VISIT(state_of(module)->records_type);
    Py_VISIT(state_of(module)->tally_type);
    Py_VISIT(state_of(module)->do_read);
    Py_VISIT(state_of(module)->ping_hook);
    Py_VISIT(state_of(module)->answer_type);
    /* The collector doesn't know these answers; each refers to its type. */
    if (state_of(module)->spare_answer != NULL) {
        Py_VISIT(Py_TYPE(state_of(module)->spare_answer));
    }
    if (state_of(module)->none_answer != NULL) {
        Py_VISIT(Py_TYPE(state_of(module)->none_answer));
    }
    Py_VISIT(state_of(module)->spare_done);
    Py_VISIT(state_of(module)->received);
    Py_VISIT(state_of(module)->done);
    Py_VISIT(state_of(module)->step);
    Py_VISIT(state_of(module)->current_loop);
    /* The spares and the names refer to no other object. */
    return 0;
}

static int
clear(PyObject *module)
{
    State *state = state_of(module);
    Py_CLEAR(state->new_mask);
    Py_CLEAR(state->cork_type);
    Py_CLEAR(state->decoder_type);
    Py_CLEAR(state->exchange_type);
    Py_CLEAR(state->handle_type);
    Py_CLEAR(state->inflation_type);
    Py_CLEAR(state->records_type);
    Py_CLEAR(state->tally_type);
    Py_CLEAR(state->do_read);
    Py_CLEAR(state->ping_hook);
    /* Without its type, an answer isn't kept again. */
    Py_CLEAR(state->answer_type);
    Py_CLEAR(state->spare_answer);
    Py_CLEAR(state->none_answer);
    Py_CLEAR(state->spare_done);
    Py_CLEAR(state->received);
    Py_CLEAR(state->done);
    Py_CLEAR(state->step);
    Py_CLEAR(state->current_loop);
    for (int i = 0; i < NAMES; i++) {
        Py_CLEAR(state->names[i]);
    }
    for (int i = 0; i < SPARES; i++) {
        Py_CLEAR(state->spares[i]);
    }
    return 0;
}

static void
free_module(void *module)
{
    clear(module);
    PyMem_Free(state_of(module)->read);
    PyMem_Free(state_of(module)->inflated);
    PyMem_Free(state_of(module)->plain);
    PyMem_Free(state_of(module)->sealed);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_gil
    /* All connections share the spares and the buffer of a read, and no lock guards these. */
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "txws2._speedups",
    .m_doc = "The functions and types that txws2._accelerator finds in C.",
    .m_size = sizeof(State),
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    keep_definition(&definition);
    return PyModuleDef_Init(&definition);
}
