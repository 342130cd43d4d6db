{{/*
The init container. All keys are optional:

  initContainers:
    {{- include "netweir.initContainer" (dict "image" "my.registry/netweir:0.1.0" "args" (list "--exclude-outbound-ports=3306")) | nindent 4 }}
*/}}
{{- define "netweir.initContainer" -}}
- name: netweir
  image: {{ .image | default "localhost/netweir:0.1.0" | quote }}
  args: {{ concat (list "apply") (.args | default list) | toJson }}
  securityContext:
    capabilities: {drop: [ALL], add: [NET_ADMIN]}
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    runAsNonRoot: true
    runAsUser: 65534
    seccompProfile: {type: RuntimeDefault}
{{- end }}
