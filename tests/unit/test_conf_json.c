/* The text of a configuration: what is no JSON with comments, and where. */
#include "tests/unit/conf_texts.h"

static const struct bad not_json[] = {
	{"", "f:1:1: expected a value, found the end of the text\n"},
	{" \n /* x */ ", "f:2:10: expected a value, found the end of the text\n"},
	{"{", "f:1:2: expected a key in double quotes, found the end of the text\n"},
	{"{}x", "f:1:3: expected the end of the text, found 'x'\n"},
	{"{\"a\":1,}", "f:1:8: expected a key in double quotes, found '}'\n"},
	{"{\"a\" 1}", "f:1:6: expected ':' behind the key, found '1'\n"},
	{"{\"a\":1\n\"b\":2}", "f:2:1: expected ',' or '}', found '\"'\n"},
	{"{\"a\":[1 2]}", "f:1:9: expected ',' or ']', found '2'\n"},
	{"{\"a\":}", "f:1:6: expected a value, found '}'\n"},
	{"{a:1}", "f:1:2: expected a key in double quotes, found 'a'\n"},
	{"{\"a\":tru}", "f:1:6: expected a value, found 't'\n"},
	{"{\"a\":01}", "f:1:7: expected ',' or '}', found '1'\n"},
	{"{\"a\":-}", "f:1:7: expected a digit, found '}'\n"},
	{"{\"a\":1.}", "f:1:8: expected a digit, found '}'\n"},
	{"{\"a\":1e}", "f:1:8: expected a digit, found '}'\n"},
	{"{\"a\":\"x\n\"}",
	 "f:1:8: expected '\"' at the end of the string, found the end of the line\n"},
	{"{\"a\":\"\t\"}", "f:1:7: expected '\"' at the end of the string, found byte 0x09\n"},
	{"{\"a\":\"x",
	 "f:1:8: expected '\"' at the end of the string, found the end of the text\n"},
	{"{\"a\":\"\\x\"}", "f:1:8: expected an escape of JSON, found 'x'\n"},
	{"{\"a\":\"\\u12g4\"}", "f:1:11: expected four hexadecimal digits, found 'g'\n"},
	{"{\"a\":\"\\u0000\"}", "f:1:7: expected an escape that names a character, found '\\'\n"},
	{"{\"a\":\"\\ud800x\"}", "f:1:7: expected an escape that names a character, found '\\'\n"},
	{"{\"a\":\"\\ud800\\u0041\"}",
	 "f:1:7: expected an escape that names a character, found '\\'\n"},
	{"{\"a\":\"\xc3\"}", "f:1:7: expected text in UTF-8, found byte 0xc3\n"},
	{"{\"a\":\"\xc0\x80\"}", "f:1:7: expected text in UTF-8, found byte 0xc0\n"},
	{"{\"a\":\"\xed\xa0\x80\"}", "f:1:7: expected text in UTF-8, found byte 0xed\n"},
	{"{ /* x }", "f:1:3: expected a comment that ends with \"*/\", found '/'\n"},
	{"{ /*/ }", "f:1:3: expected a comment that ends with \"*/\", found '/'\n"},
	{"{} /*", "f:1:4: expected a comment that ends with \"*/\", found '/'\n"},
	{"{} /", "f:1:4: expected the end of the text, found '/'\n"},
	{"{\"a\":1111111111111111111111111111111111111111111111111111111111111}",
	 "f:1:6: expected a number of at most 60 characters, found '1'\n"},
};

static void
what_is_not_json_is_placed(void **state)
{
	(void)state;
	expect_lines(not_json, ARRAY_COUNT(not_json));
}

static void
nesting_has_a_limit(void **state)
{
	char text[200];
	struct outcome o;

	(void)state;
	memset(text, '[', sizeof(text));
	o = parse_bytes(text, sizeof(text));
	assert_string_equal(o.lines, "f:1:33: expected at most 32 levels, found '['\n");
	outcome_fini(&o);
}

static void
columns_count_characters_and_comments_keep_places(void **state)
{
	static const struct bad rows[] = {
		{"[]", "f:1:1: expected an object, found an array\n"},
		{"\xef\xbb\xbf// \xc3\xa4\n\n  5", "f:3:3: expected an object, found 5\n"},
		{"/* \xc3\xa4\xc3\xb6 */ null", "f:1:10: expected an object, found null\n"},
		{"/* one\n two */ /**/ true // three", "f:2:14: expected an object, found true\n"},
		{"\t\"//\"", "f:1:2: expected an object, found \"//\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
every_truncation_is_refused(void **state)
{
	static const char text[] = WITH("\"log\":{\"level\":\"info\"}/* x */");
	size_t size;

	(void)state;
	/* Without the last line end it is still whole. */
	for (size = 0; size < sizeof(text) - 2; size++) {
		struct outcome o = parse_bytes(text, size);

		assert_int_equal(o.rc, -EINVAL);
		assert_int_equal(o.errors.count, 1);
		outcome_fini(&o);
	}
}

static void
long_values_are_cut_in_the_message_only(void **state)
{
	char *text = malloc(20000);
	struct outcome o;

	(void)state;
	memset(text, 'x', 20000);
	memcpy(text, "{\"", 2);
	memcpy(text + 9000, "\":\"", 3);
	memcpy(text + 19997, "\"}\n", 3);
	o = parse_bytes(text, 20000);
	assert_int_equal(o.rc, -EINVAL);
	assert_true(o.errors.count >= 1);
	outcome_fini(&o);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_placed),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(columns_count_characters_and_comments_keep_places),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(long_values_are_cut_in_the_message_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
