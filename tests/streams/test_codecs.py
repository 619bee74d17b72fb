from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from txws2.streams.codecs import AsWritten, Base64, Binary, Codec, Text, codec_for

KIB = 1024
MIB = 1024 * KIB


class CodecTests(SynchronousTestCase):
    def test_the_subprotocols_of_old_clients_decide_alone(self):
        for text in (False, True):
            self.assertIsInstance(codec_for("base64", text=text), Base64)
            self.assertIsInstance(codec_for("binary", text=text), Binary)

    def test_otherwise_it_is_text_if_that_is_wanted(self):
        for subprotocol in (None, "mqtt"):
            self.assertIsInstance(codec_for(subprotocol, text=True), Text)
            self.assertIsInstance(codec_for(subprotocol, text=False), Binary)

    def test_messages_of_either_kind_carry_bytes(self):
        for codec in (Binary(), Text(), AsWritten()):
            self.assertEqual(codec.data("grün"), "grün".encode())
            self.assertEqual(codec.data(b"\x00\xff"), b"\x00\xff")

    def test_another_one_says_how_it_sends(self):
        self.assertRaises(NotImplementedError, Codec().messages, b"")

    def test_bytes_end_anywhere(self):
        for codec in (Binary(), Base64(), AsWritten()):
            list(codec.messages("ü".encode()[:1]))
            codec.end()


class BinaryTests(SynchronousTestCase):
    def test_a_write_is_a_message(self):
        self.assertEqual(list(Binary().messages(b"abc")), [b"abc"])

    def test_a_large_write_is_cut_into_messages_of_64_kib(self):
        data = bytes(range(256)) * 520
        messages = list(Binary().messages(data))
        self.assertEqual([len(message) for message in messages], [64 * KIB, 64 * KIB, 2 * KIB])
        self.assertEqual(b"".join(messages), data)

    def test_bytes_like_objects_are_copied(self):
        data = bytearray(b"abc")
        [message] = Binary().messages(data)
        data[:] = b"xyz"
        self.assertEqual(message, b"abc")

    def test_a_str_is_none(self):
        self.assertRaises(TypeError, list, Binary().messages("abc"))


class TextTests(SynchronousTestCase):
    def test_only_whole_characters_leave_wherever_they_are_cut(self):
        data = "aü€😀".encode()
        for cut in range(len(data) + 1):
            codec = Text()
            messages = [*codec.messages(data[:cut]), *codec.messages(data[cut:])]
            codec.end()
            self.assertEqual("".join(messages), "aü€😀")

    def test_they_may_come_byte_by_byte(self):
        codec = Text()
        messages = [text for byte in "€😀".encode() for text in codec.messages(bytes([byte]))]
        self.assertEqual(messages, ["€", "😀"])

    def test_up_to_1_mib_is_one_message(self):
        self.assertEqual(list(Text().messages(b"a" * MIB)), ["a" * MIB])

    def test_a_larger_text_is_cut_between_characters(self):
        text = "a" + "ü" * (MIB // 2)
        first, second = Text().messages(text.encode())
        self.assertEqual((len(first.encode()), second), (MIB - 1, "ü"))
        self.assertEqual(first + second, text)

    def test_a_str_is_its_utf_8(self):
        codec = Text()
        self.assertEqual([*codec.messages("grün"), *codec.messages(b"er")], ["grün", "er"])

    def test_invalid_utf_8_cannot_be_sent(self):
        for data in (b"\xff", "ü".encode()[:1] + b"a", "\ud800"):
            self.assertRaises(UnicodeError, list, Text().messages(data))

    def test_it_cannot_end_within_a_character(self):
        codec = Text()
        list(codec.messages("ü".encode()[:1]))
        self.assertRaises(UnicodeError, codec.end)


class Base64Tests(SynchronousTestCase):
    def test_each_message_is_base64_of_its_own(self):
        codec = Base64()
        self.assertEqual(list(codec.messages(b"\xff")), ["/w=="])
        self.assertEqual(list(codec.messages(b"\xff")), ["/w=="])

    def test_messages_are_of_64_kib_as_they_travel(self):
        data = bytes(range(256)) * 200
        first, second = Base64().messages(data)
        self.assertEqual(len(first), 64 * KIB)
        codec = Base64()
        self.assertEqual(codec.data(first) + codec.data(second), data)

    def test_it_may_come_in_messages_of_either_kind(self):
        codec = Base64()
        self.assertEqual(codec.data("AP8="), b"\x00\xff")
        self.assertEqual(codec.data(b64encode(b"\x00\xff")), b"\x00\xff")

    def test_invalid_base64_is_refused(self):
        for message in ("A", "AP8", "AP8=AP8=", "A P8=", "ü", b"\xff"):
            self.assertRaises(ValueError, Base64().data, message)


class AsWrittenTests(SynchronousTestCase):
    def test_bytes_are_a_binary_message_and_str_a_text(self):
        codec = AsWritten()
        self.assertEqual(list(codec.messages(b"a" * MIB)), [b"a" * MIB])
        self.assertEqual(list(codec.messages("grün")), ["grün"])

    def test_more_than_1_mib_becomes_several_messages(self):
        self.assertEqual(list(AsWritten().messages(b"a" * (MIB + 1))), [b"a" * MIB, b"a"])
