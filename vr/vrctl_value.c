/* One value of a reply as text. */
#include "vr/vrctl_value.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"

size_t
vrctl_text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static bool
ends_with(const char *name, const char *end)
{
	size_t name_size = strlen(name);
	size_t end_size = strlen(end);

	return name_size >= end_size && strcmp(name + name_size - end_size, end) == 0;
}

static void
write_bytes(double bytes, FILE *out)
{
	static const char units[] = "kMGTP";
	int unit = -1;

	while (bytes >= 1000 && unit < 4) {
		bytes /= 1000;
		unit++;
	}
	if (unit < 0)
		fprintf(out, "%.0fB", bytes);
	else
		fprintf(out,
			bytes < 10    ? "%.2f%cB"
			: bytes < 100 ? "%.1f%cB"
				      : "%.0f%cB",
			bytes, units[unit]);
}

static void
write_number(const char *field, double number, FILE *out)
{
	if (ends_with(field, "_us"))
		fputs(fmt_us((us_t)number).s, out);
	else if (ends_with(field, "_s"))
		fputs(fmt_us((us_t)(number * (double)US_S)).s, out);
	else if (ends_with(field, "_bytes"))
		write_bytes(number, out);
	else
		fprintf(out, "%.15g", number);
}

void
vrctl_write_string(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

void
vrctl_write_label(const char *field, FILE *out)
{
	size_t cut = ends_with(field, "_us") ? 3 : ends_with(field, "_s") ? 2 : 0;

	for (; strlen(field) > cut; field++)
		fputc((unsigned char)*field < 0x20 || *field == 0x7f ? '?' : *field, out);
}

size_t
vrctl_label_width(const char *field)
{
	return vrctl_text_width(field) - (ends_with(field, "_us")  ? 3
					  : ends_with(field, "_s") ? 2
								   : 0);
}

void
vrctl_write_value(const char *field, const struct cJSON *value, FILE *out)
{
	const struct cJSON *child;

	if (value == NULL || cJSON_IsNull(value)) {
		fputc('-', out);
	} else if (cJSON_IsString(value)) {
		vrctl_write_string(value->valuestring[0] == '\0' ? "-" : value->valuestring, out);
	} else if (cJSON_IsNumber(value)) {
		write_number(field, value->valuedouble, out);
	} else if (cJSON_IsBool(value)) {
		fputs(cJSON_IsTrue(value) ? "yes" : "no", out);
	} else if (value->child == NULL) {
		fputc('-', out);
	} else {
		bool object = cJSON_IsObject(value);

		fputs(object ? "(" : "", out);
		cJSON_ArrayForEach(child, value)
		{
			fputs(child == value->child ? "" : object ? " " : ",", out);
			if (object) {
				vrctl_write_string(child->string, out);
				fputc('=', out);
			}
			vrctl_write_value(object ? child->string : field, child, out);
		}
		fputs(object ? ")" : "", out);
	}
}

char *
vrctl_value_text(const char *field, const struct cJSON *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	vrctl_write_value(field, value, out);
	return fclose(out) == 0 ? text : NULL;
}
