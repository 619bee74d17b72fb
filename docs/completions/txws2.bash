# python docs/manuals.py has made this file.
_txws2() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local IFS=$' \t\n' options="-h --help -H --header -s --subprotocol -o --origin -P --ping -r --reconnect -w --wait -x --proxy -t --timeout --max-size -n --insecure --cacert --cert --version"
    [[ ${COMP_WORDS[1]} == replay ]] && options="-h --help --speed -H --header -s --subprotocol -o --origin -x --proxy -t --timeout --max-size -n --insecure --cacert --cert"
    case $before in
        -H|--header|-s|--subprotocol|-o|--origin|-w|--wait|-x|--proxy|-t|--timeout|--max-size|--speed) :; return ;;
        --cacert|--cert) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        replay)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return ;;
    esac
    ((COMP_CWORD == 1)) && options+=" replay"
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -o bashdefault -F _txws2 txws2
