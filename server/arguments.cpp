#include "server/arguments.hpp"

#include <CLI/CLI.hpp>

namespace coatcheck {

namespace {

// The parser and what it fills, which refer to each other.
struct command_line {
    command_line()
    {
        app.set_help_flag("-h,--help", "print this");
        app.footer(""
                   "The environment: COATCHECK_STORE, COATCHECK_LISTEN, COATCHECK_OPS_LISTEN, COATCHECK_TOKENS_FILE,\n"
                   "COATCHECK_TOKEN, COATCHECK_ENCRYPTION_KEY_FILES, COATCHECK_THREADS, COATCHECK_LOG_LEVEL,\n"
                   "COATCHECK_LOG_FORMAT, COATCHECK_CONFIG;\n"
                   "COATCHECK_STORE_FILE and COATCHECK_TOKEN_FILE read the value from a file.");
        app.add_option("--config", out.config_file, "read the configuration from this YAML file")->type_name("FILE");
        app.add_flag("--insecure", out.insecure, "listen beyond this machine without tokens");
        auto* instead = app.add_option_group("Instead of serving");
        check =
            instead->add_flag("--check")->description("check the configuration, print it as it takes effect, and stop");
        health = instead
                     ->add_option("--health", out.health_target,
                                  "ask a running daemon whether it is ready; exit status 0 if so. TARGET is "
                                  "http://HOST:PORT, https://HOST:PORT or unix:PATH; by default what the configuration "
                                  "says")
                     ->type_name("[TARGET]")
                     ->expected(0, 1);
        token =
            instead
                ->add_option("--new-token", out.token_name, "make a token: print it, and its line for the tokens file")
                ->type_name("NAME");
        handle = instead->add_flag("--handle")
                     ->description("read a session's id from standard input and print its handle, by which logs and "
                                   "stores know it");
        key = instead->add_flag("--new-key")->description("make a key of encryption.keys: print it, and nothing else");
        schema = instead->add_flag("--print-schema")
                     ->description("print what makes the stores' tables, for daemons that may not make them");
        backends = instead->add_flag("--list-backends")
                       ->description("print what each backend of this build promises, as a Markdown table");
        version = instead->add_flag("--version")->description("print the version and the backends");
        instead->require_option(0, 1);
        app.add_option("--scope", scopes, "what the new token may do: app, metrics, admin; by default app")
            ->type_name("S[,S]")
            ->needs(token);
        app.add_option("--stores", out.token_stores, "the stores of the new token; by default all")
            ->type_name("A[,B]")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->needs(token);
    }

    CLI::App app{"Coatcheck keeps the sessions of web apps behind HTTP.", "coatcheckd"};
    arguments out;
    std::string scopes = "app";
    CLI::Option* check;
    CLI::Option* health;
    CLI::Option* token;
    CLI::Option* handle;
    CLI::Option* key;
    CLI::Option* schema;
    CLI::Option* backends;
    CLI::Option* version;
};

} // namespace

arguments parse_arguments(int argc, const char* const* argv)
{
    using action = arguments::action;
    command_line line;
    try {
        line.app.parse(argc, argv);
        line.out.token_scopes = scope_set::parse(line.scopes);
    } catch (const CLI::CallForHelp&) {
        line.out.what = action::help;
        return line.out;
    } catch (const CLI::ParseError& e) {
        throw usage_error(e.what());
    } catch (const std::invalid_argument& e) {
        throw usage_error(std::string("--scope: ") + e.what());
    }
    line.out.what = *line.check      ? action::check
                    : *line.health   ? action::health
                    : *line.token    ? action::new_token
                    : *line.handle   ? action::print_handle
                    : *line.key      ? action::new_key
                    : *line.schema   ? action::print_schema
                    : *line.backends ? action::list_backends
                    : *line.version  ? action::version
                                     : action::serve;
    return line.out;
}

std::string usage()
{
    return command_line().app.help();
}

} // namespace coatcheck
