/* Templates: what they make, and what they say when they cannot. */
#include "lib/template/template.h"

#include <string.h>

#include "tests/unit/test.h"

static const char world_text[] =
        "{\"Name\":\"web\",\"Empty\":\"\",\"N\":3,\"Ratio\":0.1,\"Yes\":true,\"Nothing\":null,"
        "\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Ports\":[80,443],\"Words\":[\"x\",\"y\"],"
        "\"Spec\":{\"Mode\":{\"Replicas\":2}},\"Tasks\":[{\"ID\":\"t1\"},{\"ID\":\"t2\"}]}";

static bool may_be_absent(const char *name)
{
        return strcmp(name, "Hostname") == 0 || strcmp(name, "Update") == 0;
}

static int make(const char *text, const struct template_options *options, struct str *out,
                struct err *err)
{
        json_t *world = json_loads(world_text, 0, NULL);
        const struct template *template;
        struct arena arena = { 0 };
        int result = template_parse(&arena, text, &template, err);

        if (result == 0)
                result = template_run(template, options, world, out, err);
        json_decref(world);
        arena_done(&arena);
        return result;
}

static void gives(const char *text, const char *expected)
{
        const struct template_options options = { .may_be_absent = may_be_absent };
        struct err err = { 0 };
        struct str out = { 0 };

        if (make(text, &options, &out, &err) < 0)
                fail_msg("%s: %s", text, err.text);
        assert_string_equal(str_text(&out), expected);
        str_done(&out);
}

static void fails(const char *text, const char *expected)
{
        const struct template_options options = { .may_be_absent = may_be_absent };
        struct err err = { 0 };
        struct str out = { 0 };

        if (make(text, &options, &out, &err) == 0)
                fail_msg("%s: gave '%s' instead of: %s", text, str_text(&out), expected);
        assert_string_equal(err.text, expected);
        str_done(&out);
}

static void text_stays_as_it_is(void **state)
{
        (void)state;
        gives("plain } text {", "plain } text {");
}

static void fields_are_taken_from_objects(void **state)
{
        (void)state;
        gives("{{.Name}} {{.Spec.Mode.Replicas}} {{ .N }}", "web 2 3");
}

static void values_print_as_go_prints_them(void **state)
{
        (void)state;
        gives("{{.Labels}} {{.Ports}} {{.Yes}} {{.Nothing}} {{.Ratio}} {{.Labels.c}}",
              "map[a:1 b:2] [80 443] true <nil> 0.1 <no value>");
}

static void a_field_that_may_be_absent_is_empty(void **state)
{
        (void)state;
        gives("[{{.Hostname}}][{{.Update.Hostname}}]{{if .Update}}x{{end}}", "[][]");
}

static void conditions_choose(void **state)
{
        (void)state;
        gives("{{if .Name}}a{{else}}b{{end}}{{if .Empty}}a{{else if .Yes}}c{{else}}b{{end}}"
              "{{if .Nothing}}a{{end}}{{with .Spec.Mode}}{{.Replicas}}{{end}}"
              "{{with .Empty}}a{{else with .N}}{{.}}{{end}}",
              "ac23");
}

static void ranges_go_over_arrays_objects_and_numbers(void **state)
{
        (void)state;
        gives("{{range .Tasks}}{{.ID}},{{end}}{{range $i, $p := .Ports}}{{$i}}={{$p}} {{end}}"
              "{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}}{{range .N}}{{.}}{{end}}"
              "{{range .Empty}}x{{else}}none{{end}}",
              "t1,t2,0=80 1=443 a1b2012none");
}

static void ranges_can_be_left_and_continued(void **state)
{
        (void)state;
        gives("{{range .N}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}"
              "{{range .N}}{{if eq . 1}}{{break}}{{end}}{{.}}{{end}}",
              "020");
}

static void variables_keep_and_change_their_values(void **state)
{
        (void)state;
        gives("{{$x := .Name}}{{range .Ports}}{{$x}}{{$.N}}{{end}}{{$x = 7}}{{$x}}", "web3web37");
}

static void an_inner_declaration_ends_with_its_block(void **state)
{
        (void)state;
        gives("{{$x := 1}}{{if .Yes}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21");
}

static void space_is_trimmed_by_markers(void **state)
{
        (void)state;
        gives("a \n {{- .N -}} \n b {{/* not shown */}}c {{- /* nor this */ -}} d", "a3b cd");
}

static void pipelines_hand_on_the_last_argument(void **state)
{
        (void)state;
        gives("{{.Name | upper}} {{.Name | printf \"%s-%s\" \"x\"}} {{(index .Tasks 1).ID}}",
              "WEB x-web t2");
}

static void json_is_written_without_spaces(void **state)
{
        (void)state;
        gives("{{json .Ports}} {{json .Name}} {{.Spec | json}} {{json .Nothing}} {{json .Ratio}}",
              "[80,443] \"web\" {\"Mode\":{\"Replicas\":2}} null 0.1");
}

static void text_functions_do_as_docker_s(void **state)
{
        (void)state;
        gives("{{join .Words \"-\"}} {{join .Ports \",\"}} {{split \"a/b/c\" \"/\"}} {{lower "
              "\"AbC\"}} "
              "{{title \"one two\"}} [{{pad .Name 1 2}}] [{{pad .Empty 1 2}}] {{truncate .Name 2}}",
              "x-y 80,443 [a b c] abc One Two [ web  ] [] we");
}

static void parts_are_indexed_and_sliced(void **state)
{
        (void)state;
        gives("{{index .Labels \"a\"}}{{index .Labels \"zz\"}} {{index .Tasks 0 \"ID\"}} "
              "{{slice .Name 1}} {{slice .Name 0 2}} {{len .Name}}{{len .Ports}}{{len .Labels}}",
              "1 t1 eb we 322");
}

static void comparisons_and_logic_decide(void **state)
{
        (void)state;
        gives("{{eq .N 3}} {{eq .Name \"a\" \"web\"}} {{ne .N 3}} {{lt .N 4}} {{le 3 .N}} {{gt .N "
              "4}} "
              "{{ge 0.5 .Ratio}} {{and .Yes .N}} {{or .Empty .Name}} {{not .Yes}}",
              "true true false true true false true 3 web false");
}

static void logic_does_not_look_further_than_it_must(void **state)
{
        (void)state;
        gives("{{and .Empty .Name.Nope}}{{or .Name .Name.Nope}}", "web");
}

static void printf_formats(void **state)
{
        (void)state;
        gives("{{printf \"%5d|%-4s|%04d|%q|%v|%.2f|%x|%t|%%\" 42 \"ab\" 7 \"q\\\"\" .Ports 1.5 255 "
              "true}}",
              "   42|ab  |0007|\"q\\\"\"|[80 443]|1.50|ff|true|%");
}

static void printf_shows_what_does_not_fit(void **state)
{
        (void)state;
        gives("{{printf \"%d %s\" \"x\"}}", "%!d(string=x) %!s(MISSING)");
}

static void println_ends_the_line(void **state)
{
        (void)state;
        gives("{{println .Name .N}}{{print 1 2 \"a\"}}", "web 3\n1 2a");
}

static void unknown_fields_are_refused_with_go_s_sentence(void **state)
{
        (void)state;
        fails("{{.Foo}}",
              "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"");
        fails("a\n {{.Spec.Health.Status}}", "template: :2:8: executing \"\" at "
                                             "<.Spec.Health.Status>: map has no entry for key "
                                             "\"Health\"");
        fails("{{.Name.Foo}}",
              "template: :1:7: executing \"\" at <.Name.Foo>: can't evaluate field "
              "Foo in type string");
}

static void what_cannot_be_parsed_is_told_as_go_does(void **state)
{
        (void)state;
        fails("{{.Name", "template: :1: unclosed action");
        fails("{{nosuch .}}", "template: :1: function \"nosuch\" not defined");
        fails("{{if .Name}}x", "template: :1: unexpected EOF");
        fails("\n{{end}}", "template: :2: unexpected {{end}}");
        fails("{{$x}}", "template: :1: undefined variable \"$x\"");
        fails("{{.Name}", "template: :1: unexpected \"}\" in operand");
        fails("{{}}", "template: :1: missing value for command");
        fails("{{define \"x\"}}{{end}}",
              "template: :1: unexpected \"define\" in command: it is not supported here");
        fails("{{break}}", "template: :1: {{break}} outside {{range}}");
}

static void indexes_beyond_the_end_are_refused(void **state)
{
        (void)state;
        fails("{{index .Ports 5}}", "template: :1:2: executing \"\" at <index>: error calling "
                                    "index: index out of range: 5");
}

static void a_template_without_end_is_stopped(void **state)
{
        const struct template_options options = { .steps_max = 1000 };
        struct str out = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(make("{{range 1000000000}}{{end}}", &options, &out, &err), ERR_EXHAUSTED);
        str_done(&out);
}

static void output_is_bounded(void **state)
{
        const struct template_options options = { .output_max = 1000 };
        struct str out = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(make("{{range 100}}twenty characters and{{end}}", &options, &out, &err),
                         ERR_EXHAUSTED);
        str_done(&out);
}

static void text_does_not_double_for_ever(void **state)
{
        const struct template_options options = { .output_max = 100000 };
        struct str out = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(make("{{$x := \"ab\"}}{{range 60}}{{$x = print $x $x}}{{end}}", &options,
                              &out, &err),
                         ERR_EXHAUSTED);
        str_done(&out);
}

static void lists_count_as_what_is_made(void **state)
{
        const struct template_options options = { .output_max = 100000 };
        struct str out = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(
                make("{{$x := printf \"%10000s\" \"\"}}{{range 50}}{{$y := split $x \" \"}}"
                     "{{end}}",
                     &options, &out, &err),
                ERR_EXHAUSTED);
        str_done(&out);
}

/* Eight gigabytes. */
static void a_list_joined_by_much_is_stopped_on_the_way(void **state)
{
        struct str out = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(
                make("{{$x := printf \"%9999s\" \"\"}}{{$x = print $x $x $x $x $x $x $x $x $x}}"
                     "{{len (join (split $x \" \") $x)}}",
                     NULL, &out, &err),
                ERR_INVALID);
        assert_non_null(strstr(err.text, "too much text"));
        str_done(&out);
}

static void nesting_is_bounded(void **state)
{
        struct str text = { 0 };
        struct str out = { 0 };
        struct err err;

        (void)state;
        for (int i = 0; i < 10000; i++)
                str_add(&text, "{{if 1}}");
        assert_int_equal(make(str_text(&text), NULL, &out, &err), ERR_INVALID);
        str_done(&text);
        str_done(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_stays_as_it_is),
                cmocka_unit_test(fields_are_taken_from_objects),
                cmocka_unit_test(values_print_as_go_prints_them),
                cmocka_unit_test(a_field_that_may_be_absent_is_empty),
                cmocka_unit_test(conditions_choose),
                cmocka_unit_test(ranges_go_over_arrays_objects_and_numbers),
                cmocka_unit_test(ranges_can_be_left_and_continued),
                cmocka_unit_test(variables_keep_and_change_their_values),
                cmocka_unit_test(an_inner_declaration_ends_with_its_block),
                cmocka_unit_test(space_is_trimmed_by_markers),
                cmocka_unit_test(pipelines_hand_on_the_last_argument),
                cmocka_unit_test(json_is_written_without_spaces),
                cmocka_unit_test(text_functions_do_as_docker_s),
                cmocka_unit_test(parts_are_indexed_and_sliced),
                cmocka_unit_test(comparisons_and_logic_decide),
                cmocka_unit_test(logic_does_not_look_further_than_it_must),
                cmocka_unit_test(printf_formats),
                cmocka_unit_test(printf_shows_what_does_not_fit),
                cmocka_unit_test(println_ends_the_line),
                cmocka_unit_test(unknown_fields_are_refused_with_go_s_sentence),
                cmocka_unit_test(what_cannot_be_parsed_is_told_as_go_does),
                cmocka_unit_test(indexes_beyond_the_end_are_refused),
                cmocka_unit_test(a_template_without_end_is_stopped),
                cmocka_unit_test(output_is_bounded),
                cmocka_unit_test(text_does_not_double_for_ever),
                cmocka_unit_test(lists_count_as_what_is_made),
                cmocka_unit_test(a_list_joined_by_much_is_stopped_on_the_way),
                cmocka_unit_test(nesting_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
