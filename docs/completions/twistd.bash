# python docs/manuals.py has made this file.
_txws2_twistd() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local IFS=$' \t\n' each ws=
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $each == ws ]] && ws=1
    done
    if [[ -z $ws ]]; then
        mapfile -t COMPREPLY < <(compgen -W "ws" -- "$word")
        return
    fi
    case $before in
        -a|--app|--echo|--forward|--exec|--exec-binary|--exec-shared|--relay|--wsgi|--web|-l|--listen|--redirect-http|--status|--healthz|--metrics|--record-limit|--max-programs|--pass-environment|--term-after|--kill-after|--shared-history|--history|--publish-rate|--origin|--host|--subprotocol|--trusted-proxy|--authorize|--authorize-name|--max-size|--max-connections|--max-connections-per-host|--compression-memory|--max-line-size|--max-headers|--ping-interval|--ping-timeout|--open-timeout|--close-timeout|--drain|--idle-exit) :; return ;;
        --static|--record) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --config|--certificate|--private-key|--client-ca|--targets|--jwt-key|--forward-ca|--publish-tokens|--status-password|--user-file|--bearer-tokens|--access-log) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        --publish) mapfile -t COMPREPLY < <(compgen -W 'everybody nobody' -- "$word"); return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "--help -a --app --echo --forward --exec --exec-binary --exec-shared --relay --static --wsgi --web -l --listen --config --check-config --certificate --private-key --client-ca --redirect-http --status --healthz --metrics --targets --jwt-key --forward-ca --record --record-limit --max-programs --pass-environment --term-after --kill-after --shared-history --shared-input --history --presence --publish --publish-tokens --publish-rate --status-password --origin --host --subprotocol --trusted-proxy --user-file --bearer-tokens --query-tokens --authorize --authorize-name --max-size --max-connections --max-connections-per-host --compression-memory --max-line-size --max-headers --ping-interval --ping-timeout --open-timeout --close-timeout --drain --idle-exit --log-connections --access-log --json-log" -- "$word")
}
complete -o bashdefault -o default -F _txws2_twistd twistd
