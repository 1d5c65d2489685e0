/* Completion for shells, made from the rows of the commands. */
#include "cli/completion.h"

#include <string.h>

#include "cli/command.h"
#include "lib/base/str.h"

/* What to offer after a command's flags: names that the cluster knows. */
static const char *names_command(const struct command *command)
{
        if (strstr(command->usage, "SERVICE"))
                return "service ls --format '{{.Name}}'";
        if (strstr(command->usage, "NODE"))
                return "node ls --format '{{.Hostname}}'";
        if (strstr(command->usage, "IMAGE [IMAGE"))
                return "image ls --format '{{.Repository}}:{{.Tag}}'";
        return NULL;
}

static void each_command(FILE *out, void (*print)(FILE *out, const struct command *command))
{
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        if (command->summary)
                                print(out, command);
}

static void print_verbs(FILE *out, const char *noun)
{
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        if (command->summary && str_equal(command->noun, noun))
                                fprintf(out, "%s ", command->verb);
}

static void print_nouns(FILE *out)
{
        for (size_t i = 0; command_noun(i); i++)
                fprintf(out, "%s ", command_noun(i));
}

static void print_flags(FILE *out, const struct command *command)
{
        for (const struct flag *const *table = command_flags(command); *table; table++)
                for (const struct flag *flag = *table; flag->name; flag++)
                        if (!flag->refusal)
                                fprintf(out, "--%s ", flag->name);
        fprintf(out, "--help");
}

/* --- bash; zsh takes it too --- */

static void print_bash_case(FILE *out, const struct command *command)
{
        const char *names = names_command(command);

        fprintf(out, "        \"%s%s%s\") flags=\"", str_or(command->noun, ""),
                command->noun ? " " : "", command->verb);
        print_flags(out, command);
        fprintf(out, "\"; names=%s%s%s ;;\n", names ? "\"$(skep " : "\"", names ? names : "",
                names ? " 2>/dev/null)\"" : "\"");
}

static void print_bash(FILE *out)
{
        fprintf(out, "# bash completion for skep: source it, or put it into "
                     "/etc/bash_completion.d\n"
                     "_skep() {\n"
                     "        local word=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} flags= "
                     "names= name= nouns=\"");
        print_nouns(out);
        fprintf(out, "\"\n        COMPREPLY=()\n        if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "                COMPREPLY=($(compgen -W \"${nouns}");
        print_verbs(out, NULL);
        fprintf(out, "\" -- \"$word\"))\n                return\n        fi\n"
                     "        case \" $nouns\" in\n"
                     "        *\" $noun \"*) [ \"$COMP_CWORD\" -gt 2 ] && noun=\"$noun "
                     "${COMP_WORDS[2]}\" ;;\n        esac\n        case \"$noun\" in\n");
        for (size_t i = 0; command_noun(i); i++) {
                fprintf(out, "        \"%s\") names=\"", command_noun(i));
                print_verbs(out, command_noun(i));
                fprintf(out, "\" ;;\n");
        }
        each_command(out, print_bash_case);
        fprintf(out, "        esac\n        case \"$word\" in\n"
                     "        -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
                     "        *)\n"
                     "                # Compared, not expanded as compgen -W would: nodes name "
                     "themselves.\n"
                     "                while read -r name; do\n"
                     "                        case \"$name\" in\n"
                     "                        '' | -* | *[!A-Za-z0-9._:/@-]*) ;;\n"
                     "                        \"$word\"*) COMPREPLY+=(\"$name\") ;;\n"
                     "                        esac\n"
                     "                done <<<\"${names// /$'\\n'}\" ;;\n"
                     "        esac\n}\ncomplete -o default -F _skep skep\n");
}

static void print_zsh(FILE *out)
{
        fprintf(out, "#compdef skep\nautoload -U +X bashcompinit && bashcompinit\n");
        print_bash(out);
}

/* --- fish --- */

/* The first line of it. */
static void print_fish_text(FILE *out, const char *text)
{
        fputc('\'', out);
        for (; *text && *text != '\n'; text++) {
                if (*text == '\'' || *text == '\\')
                        fputc('\\', out);
                fputc(*text, out);
        }
        fputc('\'', out);
}

static void print_fish_command(FILE *out, const struct command *command)
{
        const char *names = names_command(command);
        char condition[160];

        if (command->noun)
                snprintf(condition, sizeof condition,
                         "__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s",
                         command->noun, command->verb);
        else
                snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s",
                         command->verb);
        if (command->noun)
                fprintf(out, "complete -c skep -n '__fish_seen_subcommand_from %s' -a %s -d ",
                        command->noun, command->verb);
        else
                fprintf(out, "complete -c skep -n __fish_use_subcommand -a %s -d ", command->verb);
        print_fish_text(out, command->summary);
        fputc('\n', out);
        if (names)
                fprintf(out, "complete -c skep -n '%s' -a \"(skep %s 2>/dev/null)\"\n", condition,
                        names);
        for (const struct flag *const *table = command_flags(command); *table; table++)
                for (const struct flag *flag = *table; flag->name; flag++) {
                        if (flag->refusal)
                                continue;
                        fprintf(out, "complete -c skep -n '%s' -l %s", condition, flag->name);
                        if (flag->letter)
                                fprintf(out, " -s %c", flag->letter);
                        fprintf(out, "%s -d ", flag->type == FLAG_BOOL ? "" : " -r");
                        print_fish_text(out, flag->help);
                        fputc('\n', out);
                }
}

static void print_fish(FILE *out)
{
        fprintf(out, "# fish completion for skep\ncomplete -c skep -f\n");
        for (size_t i = 0; command_noun(i); i++) {
                fprintf(out, "complete -c skep -n __fish_use_subcommand -a %s -d ",
                        command_noun(i));
                print_fish_text(out, command_noun_summary(command_noun(i)));
                fputc('\n', out);
        }
        each_command(out, print_fish_command);
}

int completion_print(FILE *out, const char *shell, struct err *err)
{
        if (strcmp(shell, "bash") == 0)
                print_bash(out);
        else if (strcmp(shell, "zsh") == 0)
                print_zsh(out);
        else if (strcmp(shell, "fish") == 0)
                print_fish(out);
        else
                return err_set(err, ERR_INVALID, "unknown shell \"%.32s\": bash, zsh or fish",
                               shell);
        return 0;
}
