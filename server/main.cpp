// Arguments -> configuration -> daemon, and the last catch.

#include "backends/registry.hpp"
#include "proto/sealing_key.hpp"
#include "server/arguments.hpp"
#include "server/config.hpp"
#include "server/daemon.hpp"
#include "server/encryption.hpp"
#include "server/handle_key.hpp"
#include "server/health.hpp"
#include "server/log.hpp"
#include "server/release.hpp"
#include "server/tls.hpp"
#include "server/tokens.hpp"

#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace coatcheck {

namespace {

config load(const arguments& args)
{
    const environment env = process_environment();
    std::string file = args.config_file;
    if (const auto named = env.find("COATCHECK_CONFIG"); file.empty() && named != env.end())
        file = named->second;
    return load_config(file, env, args.insecure);
}

void print_version()
{
    std::cout << "coatcheckd " << release_version << "\nbackends:";
    for (const auto scheme : backend_schemes())
        std::cout << ' ' << scheme;
    std::cout << '\n';
}

void check(const config& settings)
{
    load_tokens(settings);
    load_sealer(settings);
    if (settings.tls)
        tls_server certificates(*settings.tls);
    for (const auto& [name, store] : settings.stores)
        check_backend(store.url);
    std::cout << describe(settings);
}

void print_schema(const config& settings)
{
    bool any = false;
    for (const auto& [name, store] : settings.stores)
        if (const auto schema = schema_of(store.url); !schema.empty()) {
            std::cout << schema;
            any = true;
        }
    if (!any)
        throw config_error("no store of this configuration has tables to make");
}

void list_backends()
{
    std::cout << "| | URL | an acknowledged write survives | conditional writes | tombstones | limits |\n"
                 "|---|---|---|---|---|---|\n";
    for (const auto& says : backend_guarantees())
        std::cout << "| " << says.title << " | " << says.url << " | " << says.survives << " | "
                  << (says.conditional_writes == kept_by::store ? "by the store: any number of daemons"
                                                                : "by the daemon: one daemon")
                  << " | " << says.tombstones << " | " << says.limits << " |\n";
}

int print_health(const arguments& args)
{
    const auto target =
        args.health_target.empty() ? health_target::of(load(args)) : health_target::parse(args.health_target);
    const health answer = check_health(target);
    std::cout << answer.text << '\n';
    return answer.ready ? 0 : 1;
}

void print_new_token(const arguments& args)
{
    const fresh_token made = new_token(args.token_name, args.token_scopes, args.token_stores);
    std::cout << "Give this token to the caller; it is shown only now:\n\n    " << made.text
              << "\n\nAdd this line to the tokens file:\n\n    " << made.line << '\n';
}

// Not from an argument, which other users of the machine and the shell's history would see.
void print_handle(const config& settings)
{
    std::string id;
    std::getline(std::cin, id);
    if (!id.empty() && id.back() == '\r')
        id.pop_back();
    if (!is_session_id(id) || std::cin.peek() != std::char_traits<char>::eof())
        throw std::invalid_argument("standard input must be one session id: 16 to 256 characters of "
                                    "A-Z a-z 0-9 . _ ~ , : -");
    std::cout << configured_handles(settings)(id).str() << '\n';
}

void serve(const config& settings)
{
    // A core dump or a debugger of the same user would see ids and data.
    ::prctl(PR_SET_DUMPABLE, 0);
    std::signal(SIGPIPE, SIG_IGN);
    log::start(settings.log);
    run_daemon(settings);
    log::flush();
}

int run(const arguments& args)
{
    switch (args.what) {
    case arguments::action::help:
        std::cout << usage();
        return 0;
    case arguments::action::version:
        print_version();
        return 0;
    case arguments::action::new_token:
        print_new_token(args);
        return 0;
    case arguments::action::new_key:
        std::cout << make_sealing_key() << '\n';
        return 0;
    case arguments::action::health:
        return print_health(args);
    case arguments::action::print_handle:
        print_handle(load(args));
        return 0;
    case arguments::action::check:
        check(load(args));
        return 0;
    case arguments::action::print_schema:
        print_schema(load(args));
        return 0;
    case arguments::action::list_backends:
        list_backends();
        return 0;
    case arguments::action::serve:
        serve(load(args));
        return 0;
    }
    return 2;
}

} // namespace

} // namespace coatcheck

int main(int argc, char** argv)
{
    try {
        return coatcheck::run(coatcheck::parse_arguments(argc, argv));
    } catch (const coatcheck::usage_error& e) {
        std::cerr << "coatcheckd: " << e.what() << '\n';
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "coatcheckd: " << e.what() << '\n';
        return 1;
    }
}
